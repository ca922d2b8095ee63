"""What can be chosen of the local stand-in, checked before anything is started."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from perdure.stack import OptionValue, StackOption, choose, require_option
from perdure_azure.stack.durations import read_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

# Examples of what lies between a program and its scheduler; none of them was measured on DTS.
ROUND_TRIPS: Final = {
    "same-region": timedelta(milliseconds=1),
    "cross-region": timedelta(milliseconds=30),
    "other-cloud": timedelta(milliseconds=80),
}
LONGEST_RETENTION: Final = {"consumption": timedelta(days=30), "dedicated": timedelta(days=90)}
MOST_UNITS: Final = 3

_HUB: Final = re.compile(r"[A-Za-z0-9-]{3,64}")
_LONGEST_ROUND_TRIP: Final = timedelta(seconds=10)
_SWITCH: Final = ("on", "off")
_LOG_LEVELS: Final = ("debug", "info", "warn", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """How the stand-in shall be.

    Attributes:
        hubs: The task hubs that there are, with commas between them; the first is exported.
        dynamic_hubs: Whether a hub that there is not is made when it is first used.
        sku: Whose caps it keeps to: ``consumption`` or ``dedicated``.
        units: How many capacity units it has, if it is dedicated.
        throttle: Whether actions per second are capped: ``on`` or ``off``.
        actions_per_second: The cap; 0 for that of the SKU.
        round_trip: What is added to each call: a name of :data:`ROUND_TRIPS`, or a time.
        retention: How long finished instances are kept; ``0`` for ever.
        tls: Whether clients reach it by TLS, with a certificate of an authority made for it.
        log_level: Of the stand-in.
    """

    hubs: str = "default"
    dynamic_hubs: bool = False
    sku: str = "dedicated"
    units: int = 1
    throttle: str = "on"
    actions_per_second: int = 0
    round_trip: str = "0"
    retention: str = "30d"
    tls: bool = False
    log_level: str = "info"

    def __post_init__(self) -> None:
        """Refuse what the stand-in would refuse later, or DTS does not have.

        Raises:
            ConfigurationError: A value that cannot be used.
        """
        are_right = all(_HUB.fullmatch(hub) for hub in self.hub_names)
        require_option(are_right, "hubs", "names of 3 to 64 letters, digits and '-', as in a,b")
        # Each hub is a file, and some file systems take Ab and ab for one.
        folded = {hub.casefold() for hub in self.hub_names}
        require_option(len(folded) == len(self.hub_names), "hubs", "names that differ")
        require_option(self.sku in LONGEST_RETENTION, "sku", f"one of {_listed(LONGEST_RETENTION)}")
        is_possible = 1 <= self.units <= MOST_UNITS
        require_option(is_possible, "units", f"a number from 1 to {MOST_UNITS}")
        require_option(
            self.units == 1 or self.sku == "dedicated", "units", "left out for consumption"
        )
        require_option(self.throttle in _SWITCH, "throttle", f"one of {_listed(_SWITCH)}")
        require_option(self.actions_per_second >= 0, "actions-per-second", "0 or more")
        is_delay = _is_within(self.delay, _LONGEST_ROUND_TRIP)
        named = _listed(ROUND_TRIPS)
        require_option(is_delay, "round-trip", f"{named} or a time such as 30ms, at most 10s")
        longest = LONGEST_RETENTION[self.sku]
        is_kept = _is_within(read_duration(self.retention), longest)
        needed = f"a time such as 720h, at most {longest.days}d for {self.sku}; 0 for ever"
        require_option(is_kept, "retention", needed)
        require_option(self.log_level in _LOG_LEVELS, "log-level", f"one of {_listed(_LOG_LEVELS)}")

    @property
    def hub_names(self) -> tuple[str, ...]:
        """The task hubs."""
        return tuple(self.hubs.split(","))

    @property
    def delay(self) -> timedelta | None:
        """What is added to each call; ``None`` if that cannot be read."""
        return ROUND_TRIPS.get(self.round_trip) or read_duration(self.round_trip)

    @classmethod
    def from_given(cls, given: Mapping[str, OptionValue]) -> StackOptions:
        """Return the options of which only some are ``given``.

        Raises:
            ConfigurationError: An option that does not exist, or a value that cannot be used.
        """
        return choose(cls, given)

    def as_given(self) -> dict[str, OptionValue]:
        """Return all of them by name."""
        return asdict(self)


DECLARED: Final = (
    StackOption(
        name="hubs",
        default="default",
        metavar="NAME[,NAME...]",
        help="The task hubs; the first is the one to export.",
    ),
    StackOption(name="dynamic_hubs", default=False, help="Make a hub when it is first used, too."),
    StackOption(
        name="sku",
        default="dedicated",
        metavar="|".join(LONGEST_RETENTION),
        help="Whose caps it keeps to: 500 actions a second, or 2,000 for each unit.",
    ),
    StackOption(
        name="units", default=1, metavar="N", help="How many capacity units, if it is dedicated."
    ),
    StackOption(
        name="throttle",
        default="on",
        metavar="|".join(_SWITCH),
        help="Whether actions per second are capped.",
    ),
    StackOption(
        name="actions_per_second", default=0, metavar="N", help="Another cap than the SKU's."
    ),
    StackOption(
        name="round_trip",
        default="0",
        metavar="|".join([*ROUND_TRIPS, "TIME"]),
        help="What is added to each call: 1, 30, 80 ms, or a time such as 5ms.",
    ),
    StackOption(
        name="retention",
        default="30d",
        metavar="TIME",
        help="How long finished instances are kept; 0 for ever.",
    ),
    StackOption(
        name="tls", default=False, help="Serve clients by TLS, with a certificate made for it."
    ),
    StackOption(
        name="log_level", default="info", metavar="|".join(_LOG_LEVELS), help="Of the stand-in."
    ),
)


def _listed(names: Mapping[str, object] | tuple[str, ...]) -> str:
    return ", ".join(names)


def _is_within(duration: timedelta | None, longest: timedelta) -> bool:
    return duration is not None and duration <= longest
