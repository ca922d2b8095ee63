"""The framework's messages as the Conversation API has them: text, tool calls, tool results."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from perdure_agent_framework.dapr_conversation.errors import DaprRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent_framework import Content, Message

_KEYS: Final = {
    "system": "ofSystem",
    "developer": "ofDeveloper",
    "user": "ofUser",
    "assistant": "ofAssistant",
}
# The framework's own records, which no model is sent.
_NOT_FOR_MODELS: Final = frozenset(
    {"function_approval_request", "function_approval_response", "text_reasoning", "usage"}
)


def to_dapr_messages(
    messages: Sequence[Message], *, instructions: str | None, component: str
) -> list[dict[str, Any]]:
    """Return ``messages``, with ``instructions`` before them, as the Conversation API has them.

    Raises:
        DaprRequestError: A message of another role, or with something that is not text.
    """
    mapping = _Mapping(component)
    said = [{"ofSystem": {"content": _texts([instructions])}}] if instructions else []
    for message in messages:
        said.extend(mapping.of(message))
    return said


class _Mapping:
    """Maps one conversation; it knows what the calls were of whose results come later."""

    def __init__(self, component: str) -> None:
        self._component = component
        self._tools: dict[str, str] = {}

    def of(self, message: Message) -> Iterator[dict[str, Any]]:
        """Yield what a message becomes: nothing, itself, or one message for each tool result."""
        texts: list[str] = []
        calls: list[dict[str, Any]] = []
        for content in message.contents:
            if content.type == "text":
                texts.append(content.text or "")
            elif content.type == "function_call":
                calls.append(self._call(content))
            elif content.type == "function_result":
                # One message for each: daprd refuses several results in one.
                yield {"ofTool": self._result(content)}
            elif content.type not in _NOT_FOR_MODELS:
                raise self._not_text(content)
        texts = [text for text in texts if text]
        if not texts and not calls:
            return
        role = str(message.role)
        if role not in _KEYS or (calls and role != "assistant"):
            what = "tool calls" if calls else "text"
            raise self._refusal(f"Dapr knows no {what} in a message of role {role!r}")
        said: dict[str, Any] = {"content": _texts(texts)}
        if message.author_name:
            said["name"] = message.author_name
        if calls:
            said["toolCalls"] = calls
        yield {_KEYS[role]: said}

    def _call(self, content: Content) -> dict[str, Any]:
        name, call_id = content.name or "", content.call_id or ""
        self._tools[call_id] = name
        arguments = content.arguments
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments or {}, ensure_ascii=False)
        return {"id": call_id, "function": {"name": name, "arguments": arguments}}

    def _result(self, content: Content) -> dict[str, Any]:
        call_id = content.call_id or ""
        if content.items:
            for item in content.items:
                if item.type != "text":
                    raise self._not_text(item)
            result = "\n".join(item.text or "" for item in content.items)
        else:
            result = _as_text(content.result)
        # A message of role tool must have exactly one content, hence an empty one too.
        name = self._tools.get(call_id, "")
        return {"toolId": call_id, "name": name, "content": [{"text": result}]}

    def _not_text(self, content: Content) -> DaprRequestError:
        what = content.media_type or content.type
        return self._refusal(
            f"Dapr's Conversation API takes text only, and a message has {what}; describe it in "
            "words, or call the model by a client of its own"
        )

    def _refusal(self, problem: str) -> DaprRequestError:
        return DaprRequestError(problem, component=self._component)


def _as_text(result: Any) -> str:  # Any: whatever a tool returned
    if result is None:
        return ""
    return (
        result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, default=str)
    )


def _texts(texts: list[str]) -> list[dict[str, str]]:
    return [{"text": text} for text in texts]
