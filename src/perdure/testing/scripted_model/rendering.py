"""An answer with its placeholders filled in and its ids given: a function of the request alone."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from perdure.testing.scripted_model.conversation import (
    CallMade,
    ConversationMessage,
    ModelRequest,
    digest_of,
)

if TYPE_CHECKING:
    from pydantic import JsonValue

    from perdure.testing.scripted_model.replies import Answer, ToolCall

# Of the answers: not the time of day, so that an answer depends on the request alone.
CREATED_AT: Final = 1_750_000_000

_PLACEHOLDER: Final = re.compile(
    r"\{(?:(?P<name>result|results|tool_results|user|model)|result:(?P<tool>[\w.-]+))\}"
)
_CHARACTERS_PER_TOKEN: Final = 4
_TOKENS_PER_ATTACHMENT: Final = 85
_WORD: Final = re.compile(r"\s*\S+|\s+$")
_CHARACTERS_PER_CHUNK: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """An answer that is ready to be sent.

    Attributes:
        digest: Of the request and of what is said, for ids.
        text: ``None`` if there are only calls.
    """

    digest: str
    text: str | None
    calls: tuple[CallMade, ...]
    finish: Literal["stop", "length", "content_filter", "tool_calls"]
    input_tokens: int
    output_tokens: int

    @property
    def message(self) -> ConversationMessage:
        """The answer as a part of the conversation."""
        return ConversationMessage(role="assistant", text=self.text or "", calls=self.calls)


def render(answer: Answer, request: ModelRequest) -> Rendered:
    """Return what ``answer`` says to ``request``."""
    text = _text(answer, request)
    made = [(call.tool, _arguments(call, request)) for call in answer.calls]
    # What is said is a part of it: after a restart with other rules, an old id must not mean it.
    digest = digest_of([request.api, request.model, request.digest, text, made])
    calls = tuple(
        CallMade(id=f"call_{digest}_{number}", tool=tool, arguments=arguments)
        for number, (tool, arguments) in enumerate(made)
    )
    return Rendered(
        digest=digest,
        text="" if text is None and not calls else text,
        calls=calls,
        finish="tool_calls" if calls and answer.finish == "stop" else answer.finish,
        input_tokens=_input_tokens(request) if answer.tokens is None else answer.tokens.input,
        output_tokens=(
            _output_tokens(text, calls) if answer.tokens is None else answer.tokens.output
        ),
    )


def pieces_of_text(text: str) -> list[str]:
    """Return the chunks in which a text is streamed: word by word."""
    return _WORD.findall(text)


def pieces_of_arguments(arguments: str) -> list[str]:
    """Return the chunks in which the arguments of a call are streamed."""
    starts = range(0, len(arguments), _CHARACTERS_PER_CHUNK)
    return [arguments[start : start + _CHARACTERS_PER_CHUNK] for start in starts]


def _text(answer: Answer, request: ModelRequest) -> str | None:
    if answer.value is not None:
        return _json(_fill(answer.value, request))
    return None if answer.text is None else _fill_text(answer.text, request)


def _arguments(call: ToolCall, request: ModelRequest) -> str:
    if isinstance(call.arguments, str):
        return call.arguments
    return _json(_fill(call.arguments, request))


def _fill(value: JsonValue, request: ModelRequest) -> JsonValue:
    if value == "{tool_results}":
        return len(request.results)
    if isinstance(value, str):
        return _fill_text(value, request)
    if isinstance(value, list):
        return [_fill(item, request) for item in value]
    if isinstance(value, dict):
        return {key: _fill(item, request) for key, item in value.items()}
    return value


def _fill_text(text: str, request: ModelRequest) -> str:
    # Not str.format: braces that are no placeholder belong to the text, which may be JSON.
    return _PLACEHOLDER.sub(lambda match: _filling(match, request), text)


def _filling(match: re.Match[str], request: ModelRequest) -> str:
    if match["tool"] is not None:
        return request.results_by_tool.get(match["tool"], "")
    fillings = {
        "result": request.results[-1] if request.results else "",
        "results": "\n".join(request.results),
        "tool_results": str(len(request.results)),
        "user": request.user,
        "model": request.model,
    }
    return fillings[match["name"]]


def _json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False)


def _input_tokens(request: ModelRequest) -> int:
    texts = [message.text for message in request.messages]
    texts += [call.tool + call.arguments for message in request.messages for call in message.calls]
    attachments = sum(len(message.attachments) for message in request.messages)
    return _tokens(texts) + attachments * _TOKENS_PER_ATTACHMENT


def _output_tokens(text: str | None, calls: tuple[CallMade, ...]) -> int:
    return _tokens([text or "", *(call.tool + call.arguments for call in calls)])


def _tokens(texts: list[str]) -> int:
    return sum(-(-len(text) // _CHARACTERS_PER_TOKEN) for text in texts)
