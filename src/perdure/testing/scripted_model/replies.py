"""What a rule can reply: an answer, or a fault."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ToolCall(_Part):
    """A call that the model makes.

    Attributes:
        arguments: Text is sent as it is, so that it can be malformed.
    """

    tool: str
    arguments: dict[str, JsonValue] | str = Field(default_factory=dict)


class Tokens(_Part):
    """The tokens that an answer says it used."""

    input: int = Field(ge=0)
    output: int = Field(ge=0)


class Answer(_Part):
    """Text, or a JSON value, or tool calls with or without text.

    Attributes:
        value: Sent as JSON text, for structured output.
        finish: Why the model stopped.
        tokens: By default counted from the texts, four characters each.
    """

    kind: Literal["answer"] = "answer"
    text: str | None = None
    value: JsonValue = None
    calls: tuple[ToolCall, ...] = ()
    finish: Literal["stop", "length", "content_filter"] = "stop"
    tokens: Tokens | None = None


class Fail(_Part):
    """An HTTP error.

    Attributes:
        code: OpenAI's; by default the usual one of the status.
        retry_after: Seconds, for the header.
    """

    kind: Literal["fail"] = "fail"
    status: int = Field(ge=400, le=599)
    code: str | None = None
    message: str | None = None
    retry_after: float | None = Field(default=None, ge=0)


class Drop(_Part):
    """The connection ends.

    Attributes:
        after_chunks: After so many events of the stream that the next rule gives (half the body if
            it is not a stream); by default before the first byte.
    """

    kind: Literal["drop"] = "drop"
    after_chunks: int | None = Field(default=None, ge=0)


class Hang(_Part):
    """Nothing comes any more, until the client goes or the server stops.

    Attributes:
        after_chunks: As of :class:`Drop`.
    """

    kind: Literal["hang"] = "hang"
    after_chunks: int | None = Field(default=None, ge=0)


Fault: TypeAlias = Fail | Drop | Hang
Reply: TypeAlias = Annotated[Answer | Fail | Drop | Hang, Field(discriminator="kind")]
