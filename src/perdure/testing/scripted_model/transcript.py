"""Transcripts: the rules by which the scripted model answers, in Python or in a JSON file.

The first rule that matches a request replies. A fault whose ``times`` are used up is passed over.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from perdure.errors import ConfigurationError
from perdure.testing.scripted_model.names import MODEL
from perdure.testing.scripted_model.replies import (
    Answer,
    Drop,
    Fail,
    Hang,
    Reply,
    Tokens,
    ToolCall,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from perdure.testing.scripted_model.conversation import ModelRequest


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Latency(_Part):
    """Seconds before the first byte, and before each further event of a stream."""

    first_seconds: float = Field(default=0, ge=0)
    chunk_seconds: float = Field(default=0, ge=0)


class When(_Part):
    """Which requests a rule is for: all that is given must hold. Made by :func:`when`."""

    model: str | None = None
    user: str | None = None
    system: str | None = None
    result: str | None = None
    tool_results: int | None = Field(default=None, ge=0)
    tool_results_below: int | None = Field(default=None, ge=0)
    tools: tuple[str, ...] = ()
    output_schema: str | None = None
    images: int | None = Field(default=None, ge=0)

    def matches(self, request: ModelRequest) -> bool:
        """Return whether ``request`` is one of them."""
        last_result = request.results[-1] if request.results else None
        return (
            self.model in {None, request.model}
            and _contains(request.user, self.user)
            and _contains(request.system, self.system)
            and _contains(last_result, self.result)
            and self.tool_results in {None, len(request.results)}
            and (self.tool_results_below is None or len(request.results) < self.tool_results_below)
            and set(self.tools) <= set(request.tools)
            and self.output_schema in {None, request.output_schema}
            and self.images in {None, request.images}
        )

    def says(
        self, text: str, *, finish: Literal["stop", "length", "content_filter"] = "stop"
    ) -> Rule:
        """Reply with text, in which placeholders such as ``{result}`` are filled in."""
        return Rule(when=self, reply=Answer(text=text, finish=finish))

    def answers(self, value: JsonValue | BaseModel) -> Rule:
        """Reply with a JSON value, as structured output; placeholders are filled in its texts."""
        plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        return Rule(when=self, reply=Answer(value=plain))

    def calls(self, tool: str, /, **arguments: JsonValue) -> Rule:
        """Reply with a tool call; ``calls`` of the rule adds one beside it."""
        return Rule(when=self, reply=Answer()).calls(tool, **arguments)

    def calls_raw(self, tool: str, arguments: str) -> Rule:
        """Reply with a tool call whose arguments are this text, JSON or not."""
        return Rule(when=self, reply=Answer()).calls_raw(tool, arguments)

    def fails(
        self,
        status: int,
        *,
        code: str | None = None,
        message: str | None = None,
        retry_after: float | None = None,
        times: int | None = None,
        per_request: bool = False,
    ) -> Rule:
        """Reply with an HTTP error, for ever or the first ``times``."""
        fail = Fail(status=status, code=code, message=message, retry_after=retry_after)
        return Rule(when=self, reply=fail, times=times, per_request=per_request)

    def drops(
        self,
        *,
        after_chunks: int | None = None,
        times: int | None = None,
        per_request: bool = False,
    ) -> Rule:
        """End the connection before the first byte, or within the answer of the next rule."""
        drop = Drop(after_chunks=after_chunks)
        return Rule(when=self, reply=drop, times=times, per_request=per_request)

    def hangs(
        self,
        *,
        after_chunks: int | None = None,
        times: int | None = None,
        per_request: bool = False,
    ) -> Rule:
        """Send nothing, or nothing more of the answer of the next rule."""
        hang = Hang(after_chunks=after_chunks)
        return Rule(when=self, reply=hang, times=times, per_request=per_request)


class Rule(_Part):
    """A reply, and the requests that it is for.

    Attributes:
        name: How the log calls it; by default ``rule-1`` and so on, by its place.
        times: Of a fault, how many times it happens; ``None`` is always.
        per_request: Whether ``times`` counts each request (its messages) on its own.
    """

    name: str | None = None
    when: When
    reply: Reply
    times: int | None = Field(default=None, ge=1)
    per_request: bool = False
    latency: Latency | None = None

    @model_validator(mode="after")
    def _only_faults_are_counted(self) -> Self:
        # An answer must be the same whenever it is asked for: else a replay would get another one.
        if isinstance(self.reply, Answer) and (self.times is not None or self.per_request):
            raise ValueError("only a fault has 'times' or 'per_request'; an answer is always given")
        return self

    def calls(self, tool: str, /, **arguments: JsonValue) -> Rule:
        """Return the rule with one more tool call in its reply."""
        return self._with_call(ToolCall(tool=tool, arguments=arguments))

    def calls_raw(self, tool: str, arguments: str) -> Rule:
        """Return the rule with one more tool call, whose arguments are this text."""
        return self._with_call(ToolCall(tool=tool, arguments=arguments))

    def named(self, name: str) -> Rule:
        """Return the rule under a name."""
        return self.model_copy(update={"name": name})

    def after(self, seconds: float, *, per_chunk: float = 0) -> Rule:
        """Return the rule with a latency."""
        latency = Latency(first_seconds=seconds, chunk_seconds=per_chunk)
        return self.model_copy(update={"latency": latency})

    def costs(self, *, input_tokens: int, output_tokens: int) -> Rule:
        """Return the rule with the tokens that its answer says it used."""
        tokens = Tokens(input=input_tokens, output=output_tokens)
        return self._with_answer(tokens=tokens)

    def _with_call(self, call: ToolCall) -> Rule:
        calls = self.reply.calls if isinstance(self.reply, Answer) else ()
        return self._with_answer(calls=(*calls, call))

    def _with_answer(self, **update: object) -> Rule:
        if not isinstance(self.reply, Answer):
            raise ConfigurationError(
                setting=f"rule {self.name or self.when.model_dump(exclude_none=True)}",
                problem=f"{self.reply.kind!r} is a fault; give the answer a rule of its own",
            )
        return self.model_copy(update={"reply": self.reply.model_copy(update=update)})


class Transcript(_Part):
    """The rules of one server, in the order in which they are tried.

    Attributes:
        models: What it serves, beside the models that rules name; all begin ``scripted-model``.
        latency: Of the rules that have none.
    """

    rules: tuple[Rule, ...]
    models: tuple[str, ...] = (MODEL,)
    latency: Latency = Latency()

    @model_validator(mode="after")
    def _names_are_sound(self) -> Self:
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            raise ValueError(f"two rules are named {twice[0]!r}; a name tells one from the others")
        strange = [model for model in self.served if not model.startswith(MODEL)]
        if strange:
            raise ValueError(
                f"model {strange[0]!r} could be taken for a real one; call it '{MODEL}-…'"
            )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the rules, in their order."""
        return tuple(rule.name or f"rule-{place}" for place, rule in enumerate(self.rules, start=1))

    @property
    def served(self) -> tuple[str, ...]:
        """The ids of all models."""
        named = [rule.when.model for rule in self.rules if rule.when.model is not None]
        return tuple(dict.fromkeys([*self.models, *named]))

    def to_json(self) -> str:
        """Return it as JSON."""
        return self.model_dump_json(exclude_none=True, indent=2)

    def write(self, path: Path) -> None:
        """Write it to a JSON file."""
        path.write_text(self.to_json(), encoding="utf-8")


TranscriptLike: TypeAlias = "Transcript | Iterable[Rule] | Path"


def when(
    *,
    model: str | None = None,
    user: str | None = None,
    system: str | None = None,
    result: str | None = None,
    tool_results: int | None = None,
    tool_results_below: int | None = None,
    tools: Iterable[str] = (),
    output_schema: str | None = None,
    images: int | None = None,
) -> When:
    """Begin a rule for the requests for which all of this holds.

    Args:
        model: The model asked for.
        user: Is in the text of the last user message.
        system: Is in the system text or the instructions.
        result: Is in the last tool result since the last user message.
        tool_results: How many tool results there are since the last user message.
        tool_results_below: There are fewer than this.
        tools: Tools that must be on offer.
        output_schema: The name of the JSON schema that the answer must have.
        images: How many images are in the last user message.
    """
    return When(
        model=model,
        user=user,
        system=system,
        result=result,
        tool_results=tool_results,
        tool_results_below=tool_results_below,
        tools=tuple(tools),
        output_schema=output_schema,
        images=images,
    )


def load_transcript(source: TranscriptLike) -> Transcript:
    """Return the transcript that ``source`` is, holds, or is the JSON file of.

    Raises:
        ConfigurationError: It cannot be read, or is not a transcript.
    """
    if isinstance(source, Transcript):
        return source
    setting = f"transcript {source}" if isinstance(source, Path) else "transcript"
    try:
        if isinstance(source, Path):
            return Transcript.model_validate_json(source.read_text(encoding="utf-8"))
        return Transcript(rules=tuple(source))
    except OSError as error:
        raise ConfigurationError(setting=setting, problem=f"cannot be read: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(setting=setting, problem=str(error)) from error


def _contains(text: str | None, part: str | None) -> bool:
    return part is None or (text is not None and part in text)
