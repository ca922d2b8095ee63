"""What a place offers: a backend's servers in a fresh state, and what can be asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


UNRECORDED = (
    "record=off: a worker does not write down what came of an activity before it answers. An "
    "activity whose answer is lost with a killed process runs again."
)
"""What is particular about perdure at its fastest on a server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How work is done at a place: the process that does it.

    Attributes:
        module: What the process runs.
        environment: Its variables, beyond those of the place.
        about: What is particular about it, in words; nothing for defaults.
    """

    module: str
    environment: Mapping[str, str]
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a process has spent since it began, and what it has in memory."""

    cpu_seconds: float
    memory_bytes: int


class Place(Protocol):
    """Where a backend's work is measured.

    Attributes:
        name: Of the backend, as ``--backends`` has it.
        ways: How work can be done there, by name.
    """

    name: str
    ways: Mapping[str, Way]

    def fresh(self) -> None:
        """Have it up, with nothing stored. What ran there before is gone.

        Raises:
            StackError: Its servers cannot be started.
            PlaceError: It cannot be had for another reason.
        """

    @property
    def url(self) -> str:
        """The value for ``PERDURE_BACKEND``, once it is up."""

    @property
    def environment(self) -> Mapping[str, str]:
        """All variables that a program needs to use it, once it is up."""

    def conditions(self) -> dict[str, str]:
        """Return versions and settings in words, by name, once it is up; durability among them."""

    def spent(self) -> dict[str, Spent]:
        """Return what each of its servers has spent, by name; nothing where none can be seen."""

    def close(self) -> None:
        """Take it down, and keep nothing."""


class PlaceError(RuntimeError):
    """A backend cannot be measured here; says which and why."""
