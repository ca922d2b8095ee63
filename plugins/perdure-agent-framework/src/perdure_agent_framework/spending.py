"""What a run has used of its budget; it follows from history, so a replay counts alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import perdure
from perdure_agent_framework.errors import BudgetExceededError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from perdure_agent_framework.policies import Budget


@dataclass(kw_only=True)
class ModelUsage:
    """What one model was used for.

    Attributes:
        calls: How many calls it answered.
        input_tokens: Tokens that went in.
        output_tokens: Tokens that came out.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(kw_only=True)
class Usage:
    """What models were used for.

    Attributes:
        model_calls: How many calls were answered.
        tool_calls: How many tool calls began.
        input_tokens: Tokens that went in.
        output_tokens: Tokens that came out.
        models: The same by the model's key, fallbacks on their own.
    """

    model_calls: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    models: dict[str, ModelUsage] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """All tokens."""
        return self.input_tokens + self.output_tokens


@dataclass
class Spending:
    """Counts what a run uses, and stops it where its budget ends."""

    budget: Budget
    usage: Usage = field(default_factory=Usage)
    started_at: datetime = field(default_factory=lambda: perdure.now())

    def begin_model_call(self) -> None:
        """Count a model call.

        Raises:
            BudgetExceededError: There may be no more, or tokens or time are used up.
        """
        budget = self.budget
        self.check_time()
        _check("tokens", self.usage.tokens, budget.tokens)
        _check("model_calls", self.usage.model_calls, budget.model_calls)
        self.usage.model_calls += 1

    def begin_tool_call(self) -> None:
        """Count a tool call.

        Raises:
            BudgetExceededError: There may be no more, or time is used up.
        """
        self.check_time()
        _check("tool_calls", self.usage.tool_calls, self.budget.tool_calls)
        self.usage.tool_calls += 1

    def record(self, usage: Mapping[str, Any] | None, *, model: str) -> None:
        """Add an answer of ``model``, with what it says it used."""
        of_model = self.usage.models.setdefault(model, ModelUsage())
        of_model.calls += 1
        told = usage or {}
        for used in (self.usage, of_model):
            used.input_tokens += told.get("input_token_count") or 0
            used.output_tokens += told.get("output_token_count") or 0

    def check_time(self) -> None:
        """Do nothing while there is time left.

        Raises:
            BudgetExceededError: It is used up.
        """
        self.time_left()

    def time_left(self) -> timedelta:
        """Return how much time there is left.

        Raises:
            BudgetExceededError: It is used up.
        """
        limit = self.budget.wall_clock
        if limit is None:
            return timedelta.max
        left = limit - (perdure.now() - self.started_at)
        if left <= timedelta():
            raise BudgetExceededError(resource="wall_clock", limit=f"{limit.total_seconds():g} s")
        return left

    def deadline(self, wanted: timedelta | None) -> timedelta | None:
        """Return how long a wait may take that is to take so long at most, or for ever.

        Raises:
            BudgetExceededError: Time is used up.
        """
        left = self.time_left()
        if wanted is not None:
            return min(wanted, left)
        return None if left == timedelta.max else left


def _check(resource: str, used: int, limit: int | None) -> None:
    if limit is not None and used >= limit:
        raise BudgetExceededError(resource=resource, limit=str(limit))
