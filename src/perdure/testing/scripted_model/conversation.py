"""What a request asks of the model, in the same form whichever API it came by."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict

IMAGE = "image"


class CallMade(BaseModel):
    """A tool call that the model made in an earlier turn."""

    model_config = ConfigDict(frozen=True)

    id: str
    tool: str
    arguments: str


class ConversationMessage(BaseModel):
    """One message.

    Attributes:
        attachments: What is not text, each as its kind and a digest: ``image:…``.
        call_id: Of a tool's result, the call that it answers.
    """

    model_config = ConfigDict(frozen=True)

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    attachments: tuple[str, ...] = ()
    calls: tuple[CallMade, ...] = ()
    call_id: str | None = None


class ModelRequest(BaseModel):
    """One request.

    Attributes:
        messages: The whole conversation, also when the request sent only what is new.
        tools: The names of the tools on offer.
        output_schema: The name of the JSON schema that the answer must have.
        include_usage: Whether a stream is to end with the tokens used.
        store: Whether the conversation may be continued by the id of the answer.
    """

    model_config = ConfigDict(frozen=True)

    api: Literal["chat.completions", "responses"]
    model: str
    messages: tuple[ConversationMessage, ...]
    tools: tuple[str, ...] = ()
    output_schema: str | None = None
    stream: bool = False
    include_usage: bool = True
    store: bool = False

    @cached_property
    def digest(self) -> str:
        """The digest of the messages; the same messages have the same one."""
        return digest_of([message.model_dump(mode="json") for message in self.messages])

    @cached_property
    def system(self) -> str:
        """All system text."""
        return "\n".join(message.text for message in self.messages if message.role == "system")

    @cached_property
    def user(self) -> str:
        """The text of the last user message."""
        return "\n".join(message.text for message in self._last_user if message.text)

    @cached_property
    def images(self) -> int:
        """How many images the last user message has."""
        attachments = [kind for message in self._last_user for kind in message.attachments]
        return sum(attachment.startswith(f"{IMAGE}:") for attachment in attachments)

    @cached_property
    def results(self) -> tuple[str, ...]:
        """The results of tools since the last user message."""
        return tuple(message.text for message in self._since_user if message.role == "tool")

    @cached_property
    def results_by_tool(self) -> dict[str, str]:
        """The last result of each tool since the last user message."""
        tools = {call.id: call.tool for message in self.messages for call in message.calls}
        return {
            tools[message.call_id]: message.text
            for message in self._since_user
            if message.role == "tool" and message.call_id in tools
        }

    @cached_property
    def _last_user_index(self) -> int:
        indices = [i for i, message in enumerate(self.messages) if message.role == "user"]
        return indices[-1] if indices else -1

    @property
    def _last_user(self) -> tuple[ConversationMessage, ...]:
        # Some clients send a message of text and images as several, one after the other.
        end = begin = self._last_user_index + 1
        while begin > 0 and self.messages[begin - 1].role == "user":
            begin -= 1
        return self.messages[begin:end]

    @property
    def _since_user(self) -> tuple[ConversationMessage, ...]:
        return self.messages[self._last_user_index + 1 :]


def digest_of(value: object) -> str:
    """Return a short digest of what can be written as JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:24]
