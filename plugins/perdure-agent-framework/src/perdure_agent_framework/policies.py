"""What may be declared of models, tools and runs; agents themselves stay as they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, get_args

from perdure import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_framework import BaseChatClient

ModelErrorKind = Literal[
    "rate_limited",
    "server_error",
    "timeout",
    "connection",
    "authentication",
    "context_length",
    "quota",
    "content_filter",
    "invalid_request",
    "unknown",
]
"""What went wrong with a model call, whatever the model's maker calls it."""

TRANSIENT: frozenset[ModelErrorKind] = frozenset(
    {"rate_limited", "server_error", "timeout", "connection"}
)
"""What may be over at the next attempt."""

ToolDelivery = Literal["safe", "idempotent", "at_most_once"]
"""What may happen to a tool call whose worker died in the middle of it.

``safe``: it only reads, so it runs again. ``idempotent``: it runs again under the same idempotency
key, by which the tool or what it calls must recognise the repetition. ``at_most_once``: it does not
run again; that its outcome is unknown is told.
"""

OutcomeUnknown = Literal["tell_model", "ask_human", "fail"]
"""Who learns that nobody knows whether an ``at_most_once`` tool call took place."""

ApprovalMode = Literal["record", "return"]
"""How a call of a tool that requires approval waits.

``record``: in the run, on an approval record, which anybody may answer while the run waits, for
days if need be. ``return``: as in the framework, the run ends and returns
``response.user_input_requests``.
"""

DEFAULT_MODEL_TIMEOUT = timedelta(minutes=5)
DEFAULT_TOOL_TIMEOUT = timedelta(minutes=10)
DEFAULT_PROVIDER_TIMEOUT = timedelta(minutes=2)
_DEFAULT_PROVIDER_RETRY = RetryPolicy(
    max_attempts=3, initial_interval=timedelta(seconds=1), backoff=2.0
)
_DEFAULT_MODEL_RETRY = RetryPolicy(
    max_attempts=6,
    initial_interval=timedelta(seconds=1),
    backoff=2.0,
    max_interval=timedelta(minutes=1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """How much of a model the agents of one worker use together.

    A model is what clients of one class call by one name at one URL: agents that have a client each
    share it, as do fallbacks.

    Attributes:
        requests_per_minute: How many calls may begin in any minute.
        tokens_per_minute: How many tokens, in and out, may be used in any minute; a call waits
            while the minute before it has used them up.
        concurrency: How many calls run at once.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int | None = None

    def __post_init__(self) -> None:
        for name in ("requests_per_minute", "tokens_per_minute", "concurrency"):
            _check_count(name, getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPolicy:
    """How the calls of a model are made durable.

    Attributes:
        retry: When an attempt that failed transiently (429, 5xx, time-out, no connection) is
            followed by another. A ``Retry-After`` of the model's service is waited for if it is
            longer, up to an hour. What cannot get better (authentication, context length, quota …)
            is not tried again.
        timeout: How long each attempt may take; waits for the rate limit are not part of it.
        fallbacks: Chat clients to call in place of a model that does not answer, in order. A run
            that gave a model up begins its later calls with the fallback, for five minutes.
        fallback_after: After how many failed attempts in a row a model is given up for the next
            fallback; ``None``: only when its attempts are used up.
        rate_limit: What all agents of a worker may use of the model together, those too for whose
            own keys nothing is declared.
    """

    retry: RetryPolicy = _DEFAULT_MODEL_RETRY
    timeout: timedelta | None = DEFAULT_MODEL_TIMEOUT
    fallbacks: tuple[BaseChatClient, ...] = ()
    fallback_after: int | None = None
    rate_limit: RateLimit | None = None

    def __post_init__(self) -> None:
        _check_count("fallback_after", self.fallback_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolPolicy:
    """How the calls of a tool are made durable.

    Attributes:
        delivery: What happens to a call whose worker dies in the middle of it.
        on_outcome_unknown: Who learns that the outcome of an ``at_most_once`` call is unknown.
        retry: When a call that raised is made again before the model is told; by default never,
            as in the framework. Attempts share one idempotency key.
        timeout: How long each attempt may take; a tool that hangs is given up then, and the model
            is told. An ``at_most_once`` call that is given up may have taken place all the same:
            its outcome is unknown.
        approval: How its calls wait for approval, if it requires any; by default as all tools' do.
    """

    delivery: ToolDelivery = "idempotent"
    on_outcome_unknown: OutcomeUnknown = "tell_model"
    retry: RetryPolicy = RetryPolicy.none()  # noqa: RUF009 - frozen, so one for all is fine
    timeout: timedelta | None = DEFAULT_TOOL_TIMEOUT
    approval: ApprovalPolicy | None = None

    def __post_init__(self) -> None:
        _check_choice("delivery", self.delivery, get_args(ToolDelivery))
        _check_choice("on_outcome_unknown", self.on_outcome_unknown, get_args(OutcomeUnknown))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPolicy:
    """How calls of tools that require approval wait for it.

    Attributes:
        mode: On a record in the run, or as in the framework.
        deadline: How long a record waits; for ever if ``None``, but no longer than the budget's
            ``wall_clock`` has left.
        default: What is decided at the deadline.
    """

    mode: ApprovalMode = "record"
    deadline: timedelta | None = None
    default: Literal["deny", "approve"] = "deny"

    def __post_init__(self) -> None:
        _check_choice("mode", self.mode, get_args(ApprovalMode))
        _check_choice("default", self.default, ("deny", "approve"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPolicy:
    """How what context providers do, and asking MCP servers for their tools, is made durable.

    Attributes:
        retry: When an attempt that raised is followed by another. Attempts share one idempotency
            key.
        timeout: How long each attempt may take.
    """

    retry: RetryPolicy = _DEFAULT_PROVIDER_RETRY
    timeout: timedelta | None = DEFAULT_PROVIDER_TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one run of an agent may use, with all agents and tools that it calls; durable.

    What is beyond raises ``BudgetExceededError`` in the run, at the same place on every replay.
    A call that has begun is not interrupted: it has the timeout of its policy.

    Attributes:
        model_calls: How many times models may be called; attempts that failed do not count.
        tool_calls: How many tool calls may begin.
        tokens: How many tokens, in and out, models may use; checked before each model call.
        wall_clock: How long the run may take. It is checked before each call of a model or tool,
            and it ends waits for approval and for another attempt of a model.
    """

    model_calls: int | None = None
    tool_calls: int | None = None
    tokens: int | None = None
    wall_clock: timedelta | None = None

    def __post_init__(self) -> None:
        for name in ("model_calls", "tool_calls", "tokens"):
            _check_count(name, getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """What holds for the agents of an app. Declared once; names are checked when a worker starts.

    Attributes:
        model: For every model that ``models`` does not name.
        models: By the model's key: the name of the first agent that uses its client.
        tool: For every tool that ``tools`` does not name.
        tools: By the tool's name, or by ``"agent/tool"``; a tool that single runs are given, by its
            name.
        approval: For tools that require approval.
        provider: For all context providers that run as activities, and for asking MCP servers.
        inline_providers: The ``source_id`` of context providers that compute only, so that they
            may run in workflows. The framework's own that do so need not be named.
        budget: For each run that is not inside another.
        max_parallel_tools: How many tool calls of one run are made at once; more wait their turn.
    """

    model: ModelPolicy = field(default_factory=ModelPolicy)
    models: Mapping[str, ModelPolicy] | None = None
    tool: ToolPolicy = field(default_factory=ToolPolicy)
    tools: Mapping[str, ToolPolicy] | None = None
    approval: ApprovalPolicy = field(default_factory=ApprovalPolicy)
    provider: ProviderPolicy = field(default_factory=ProviderPolicy)
    inline_providers: frozenset[str] | set[str] = frozenset()
    budget: Budget = field(default_factory=Budget)
    max_parallel_tools: int = 16

    def __post_init__(self) -> None:
        _check_count("max_parallel_tools", self.max_parallel_tools)

    def of_model(self, key: str) -> ModelPolicy:
        """Return what holds for the model of that key."""
        return (self.models or {}).get(key, self.model)

    def of_tool(self, key: str) -> ToolPolicy:
        """Return what holds for the tool of that key, ``"agent/tool"``."""
        named = self.tools or {}
        return named.get(key) or named.get(key.rpartition("/")[2]) or self.tool

    def approval_of_tool(self, key: str) -> ApprovalPolicy:
        """Return how calls of the tool of that key wait for approval, if they require any."""
        return self.of_tool(key).approval or self.approval


def _check_count(name: str, value: int | None) -> None:
    if value is not None and value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
