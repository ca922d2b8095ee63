"""What follows a failed attempt of a model call: another, another model, or the end of the run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import perdure
from perdure.types import type_name
from perdure_agent_framework.policies import TRANSIENT

if TYPE_CHECKING:
    from datetime import datetime

    from perdure_agent_framework.models.errors import ModelFailure
    from perdure_agent_framework.policies import ModelErrorKind, ModelPolicy

LONGEST_RETRY_AFTER = timedelta(hours=1)
"""A service that asks for a longer wait is not waited for: its model is given up at once."""

_OF_THE_SERVICE: frozenset[ModelErrorKind] = frozenset({"authentication", "quota"})
# What is not transient and not here is the fault of the request, which any model would refuse.


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """The attempts that one call makes with one model.

    Attributes:
        policy: What is declared of the model.
        limit: How many there are at most.
        has_fallback: Whether another model is there to be called next.
        began_at: When the first one began.
    """

    policy: ModelPolicy
    limit: int
    has_fallback: bool
    began_at: datetime

    def wait_after(self, number: int, failure: ModelFailure) -> timedelta | None:
        """Return how long to wait before the next attempt; ``None`` if there is to be none.

        It is the longer of the policy's interval and what the service asks for.
        """
        retry = self.policy.retry
        if failure.kind not in TRANSIENT or number >= self.limit or self._forbids(failure):
            return None
        wait = retry.interval_before(number + 1)
        if retry.jitter:
            wait *= 1 + retry.jitter * perdure.random().random()
        if failure.retry_after_seconds is not None:
            if failure.retry_after_seconds > LONGEST_RETRY_AFTER.total_seconds():
                return None
            wait = max(wait, timedelta(seconds=failure.retry_after_seconds))
        is_late = retry.timeout is not None and (
            perdure.now() + wait - self.began_at > retry.timeout
        )
        return None if is_late else wait

    def may_fall_back(self, failure: ModelFailure) -> bool:
        """Return whether the next model may do better."""
        is_elsewhere = failure.kind in TRANSIENT or failure.kind in _OF_THE_SERVICE
        return self.has_fallback and is_elsewhere and not self._forbids(failure)

    def _forbids(self, failure: ModelFailure) -> bool:
        names = {
            kind if isinstance(kind, str) else type_name(kind)
            for kind in self.policy.retry.non_retryable
        }
        return not names.isdisjoint(failure.types)
