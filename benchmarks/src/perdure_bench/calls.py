"""Calls on the wire, as the stand-in for Durable Task Scheduler counts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure_bench.places.place import PlaceError
from perdure_bench.places.stack_place import StackPlace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perdure_bench.places.place import Place

_LOOKING = ("GetInstance", "QueryInstances", "ListInstanceIds", "StreamInstanceHistory")
_IN_SEQUENCE = ("StartInstance", "RaiseEvent", "CompleteOrchestratorTask", "CompleteActivityTask")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What crossed the wire.

    Attributes:
        by_method: How often each method of the service was called.
        sent: How much was sent to workers over their streams, by kind.
    """

    by_method: Mapping[str, float]
    sent: Mapping[str, float]

    def __sub__(self, before: Calls) -> Calls:
        """Return what came after ``before``."""
        return Calls(
            by_method=_difference(self.by_method, before.by_method),
            sent=_difference(self.sent, before.sent),
        )

    def each_of(self, instances: int) -> Calls:
        """Return the share of one instance."""
        return Calls(
            by_method={name: count / instances for name, count in self.by_method.items()},
            sent={name: count / instances for name, count in self.sent.items()},
        )

    @property
    def in_sequence(self) -> float:
        """How many calls move an instance on that does one thing after the other.

        Each is answered, by the next work item or by the result, half a round trip after it has
        come: so this is also the number of round trips from its start to its result.
        """
        return sum(self.by_method.get(name, 0.0) for name in _IN_SEQUENCE)

    @property
    def looks(self) -> float:
        """How many calls only look, without waiting for something."""
        return sum(self.by_method.get(name, 0.0) for name in _LOOKING)

    @property
    def figures(self) -> dict[str, float]:
        """The counts as figures, such as ``calls.StartInstance`` and ``sent.activities``."""
        return {
            **{f"calls.{name}": count for name, count in self.by_method.items()},
            **{f"sent.{name}": count for name, count in self.sent.items()},
        }


def calls_on(place: Place) -> Calls:
    """Return the calls to the hub of a place since the stand-in began.

    Raises:
        PlaceError: It is no stand-in: a scheduler of the user's does not tell.
    """
    if not isinstance(place, StackPlace):
        raise PlaceError("calls are counted by the stand-in only: use --backends azure")
    found = place.told("calls")
    return Calls(by_method=found["calls"], sent=found["sent"])


def _difference(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    counts = {name: count - before.get(name, 0) for name, count in after.items()}
    return {name: count for name, count in counts.items() if count}
