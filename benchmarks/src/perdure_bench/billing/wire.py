"""What the stand-in for Durable Task Scheduler has counted on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure_bench.billing.actions import Actions
from perdure_bench.places.place import PlaceError
from perdure_bench.places.stack_place import StackPlace

if TYPE_CHECKING:
    from perdure_bench.places.place import Place


def counted(place: Place) -> Actions:
    """Return the actions of the place's hub since the stand-in began.

    Raises:
        OSError: It does not answer.
        PlaceError: It is no stand-in: a scheduler of the user's does not tell what it counts.
    """
    if not isinstance(place, StackPlace):
        raise PlaceError("actions are counted by the stand-in only: use --backends azure")
    return Actions(kinds=place.told("actions")["kinds"])
