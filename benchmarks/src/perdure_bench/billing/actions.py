"""Actions: what Durable Task Scheduler bills, by the two definitions that Microsoft publishes.

The billing page has a list of what counts. The metrics page has a formula, and says that its sum is
what the Consumption plan bills. They differ for timers: the list has a timer's end, the formula
also its beginning. Which of them an invoice follows is not known here, so both are given. Both are
on learn.microsoft.com below azure/durable-task: scheduler/durable-task-scheduler-billing and
common/durable-task-metrics.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Basis = Literal["both pages", "billing page", "metrics page", "inferred"]
"""Where it stands that something counts; ``inferred`` is our reading, and stands nowhere."""

TIMERS_SCHEDULED = "timers_scheduled"

KINDS: Mapping[str, tuple[str, Basis]] = {
    "orchestration_starts": ("a workflow is started", "both pages"),
    "sub_orchestration_starts": ("a child is started", "billing page"),
    "sub_orchestration_results": ("a child's result reaches its parent", "both pages"),
    "activity_schedules": ("an activity is scheduled, a retry too", "both pages"),
    "activity_results": ("an activity's result, a failure too", "both pages"),
    TIMERS_SCHEDULED: ("a timer is set", "metrics page"),
    "timers_fired": ("a timer fires", "both pages"),
    "events": ("an event is raised", "both pages"),
    "suspends": ("an instance is suspended", "billing page"),
    "resumes": ("an instance is resumed", "billing page"),
    "terminates": ("an instance is terminated", "billing page"),
    "continue_as_new": ("a run follows another by continue-as-new", "inferred"),
}
"""Each kind of action: what happens, and where it stands that this counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """How many actions of each kind; kinds without any may be left out."""

    kinds: Mapping[str, int] = field(default_factory=dict)

    @property
    def published(self) -> int:
        """How many there are by the list of the billing page."""
        return self.metrics - self.kinds.get(TIMERS_SCHEDULED, 0)

    @property
    def metrics(self) -> int:
        """How many there are by the formula of the metrics page."""
        return sum(self.kinds.values())

    def __sub__(self, other: Actions) -> Actions:
        """Return what was added to ``other``."""
        kinds = {kind: n - other.kinds.get(kind, 0) for kind, n in self.kinds.items()}
        return Actions(kinds={kind: n for kind, n in kinds.items() if n})


def total(counted: Iterable[Actions]) -> Actions:
    """Return the sum."""
    kinds: Counter[str] = Counter()
    for actions in counted:
        kinds.update(actions.kinds)
    return Actions(kinds=dict(kinds))
