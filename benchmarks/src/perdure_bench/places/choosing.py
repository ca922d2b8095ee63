"""Which place a name of ``--backends`` means."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from perdure_bench.cells import FASTEST, NATIVE, PERDURE
from perdure_bench.places.embedded_place import EmbeddedPlace
from perdure_bench.places.given_place import GivenPlace
from perdure_bench.places.place import PlaceError
from perdure_bench.places.stack_place import StackPlace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from perdure.stack import OptionValue
    from perdure_bench.places.place import Place

STACKS: Mapping[str, Mapping[str, OptionValue]] = {"dapr": {}, "azure": {"throttle": "off"}}
"""The backends that are servers of ``perdure stack``, with the options that they get."""

BACKENDS = ("embedded", *STACKS)


def check_backend(name: str) -> None:
    """Raise unless there is a place of this name.

    Raises:
        PlaceError: There is none.
    """
    if name not in BACKENDS:
        near = difflib.get_close_matches(name, BACKENDS, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise PlaceError(f"no backend {name!r}{hint}; there are: {', '.join(BACKENDS)}")


def declared_ways(name: str) -> tuple[str, ...]:
    """Return the ways to do work on a backend, before there is a place of it."""
    return (PERDURE, FASTEST) if name == "embedded" else (PERDURE, FASTEST, NATIVE)


def make_place(
    name: str,
    folder: Path,
    *,
    round_trip: str | None,
    tell: Callable[[str], None],
    address: str | None = None,
    id_prefix: str = "",
) -> Place:
    """Return the place of a backend; nothing is started yet.

    Args:
        name: As ``--backends`` has it.
        folder: For all that it keeps.
        round_trip: Added to each call of the stand-in for Durable Task Scheduler.
        tell: Takes words for the user.
        address: Of the user's own; without it the place has servers of its own.
        id_prefix: What the ids of this run's instances begin with.

    Raises:
        PlaceError: There is none of this name, or the address cannot be used.
    """
    check_backend(name)
    if address is not None:
        return GivenPlace(name, address, folder, id_prefix=id_prefix)
    if name == "embedded":
        return EmbeddedPlace(folder)
    options = dict(STACKS[name])
    if name == "azure" and round_trip is not None:
        options["round_trip"] = round_trip
    return StackPlace(name, folder, options=options, tell=tell)
