"""What the stand-in for Durable Task Scheduler has counted on the wire."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from perdure_bench.billing.actions import Actions
from perdure_bench.places.place import PlaceError
from perdure_bench.places.stack_place import StackPlace

if TYPE_CHECKING:
    from perdure_bench.places.place import Place

_SECONDS = 10


def counted(place: Place) -> Actions:
    """Return the actions of the place's hub since the stand-in began.

    Raises:
        PlaceError: It is no stand-in: a scheduler of the user's does not tell what it counts.
    """
    if not isinstance(place, StackPlace):
        raise PlaceError("actions are counted by the stand-in only: use --backends azure")
    ports = place.stack.record().ports
    port = next(number for name, number in ports.items() if name.endswith(".admin"))
    hub = urlsplit(place.url).path.strip("/")
    with urllib.request.urlopen(
        f"http://127.0.0.1:{port}/actions?hub={hub}", timeout=_SECONDS
    ) as answer:
        found: dict[str, Any] = json.load(answer)
    return Actions(kinds=found["kinds"])
