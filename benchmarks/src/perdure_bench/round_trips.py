"""What round trips make of a latency: a model, not a measurement. Pure functions.

How many round trips follow each other in a workflow is measured on the stand-in: by how much longer
it takes when each call takes longer, by so much. Times a round-trip time this is the share of the
network in its latency. The share of the service is not in it, and nobody can know it from here.
"""

from __future__ import annotations

from dataclasses import dataclass

MODELLED_SECONDS = {"the same region": 0.001, "another region": 0.030, "another cloud": 0.080}
"""Round-trip times of a program and its scheduler: examples, none of them measured on DTS."""

MOST_OFF = 0.2
"""By how many round trips a measurement may miss the half or whole that it must be."""
_NOISE_SHARE = 0.08
"""By which share of them it may miss a count, if that is more: each wait may end a little late."""

WORDS = (
    "Modelled, not measured: round trips in sequence, counted on the wire of the stand-in, times a "
    "round-trip time. The time that Durable Task Scheduler itself takes comes on top; it is not "
    "known here. The stand-in's own time is left out."
)
"""What must stand beside each modelled latency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Modelled:
    """The share of the network in a latency.

    Attributes:
        where: The scheduler is, seen from the program.
        round_trip_seconds: What a round trip to there is taken to be.
        seconds: All round trips that follow each other.
    """

    where: str
    round_trip_seconds: float
    seconds: float


def modelled(round_trips: float) -> list[Modelled]:
    """Return the latency that so many round trips in sequence make, for each place."""
    return [
        Modelled(where=where, round_trip_seconds=each, seconds=round_trips * each)
        for where, each in MODELLED_SECONDS.items()
    ]


def in_words(round_trips: float, *, what: str) -> str:
    """Return a sentence for a report; :data:`WORDS` must stand beside it."""
    times = ", ".join(
        f"{_time(each.seconds)} with the scheduler in {each.where} "
        f"({_time(each.round_trip_seconds)} each)"
        for each in modelled(round_trips)
    )
    return f"{what}: {round_trips:g} round trips in sequence, {times}, and the service's own time"


def measured(*, plain_seconds: float, slow_seconds: float, round_trip_seconds: float) -> float:
    """Return how many round trips follow each other, by two latencies of the same work.

    Args:
        plain_seconds: The shorter.
        slow_seconds: The longer, with round trips that took longer by much more than the noise.
        round_trip_seconds: By how much each of them took longer.

    Raises:
        ValueError: Nothing was added.
    """
    if round_trip_seconds <= 0:
        raise ValueError("round trips show only when each of them takes longer")
    return (slow_seconds - plain_seconds) / round_trip_seconds


def nearest(round_trips: float) -> float:
    """Return a measured number of round trips as it must be: ways there and back come as halves."""
    return round(round_trips * 2) / 2


def total_of(*, measured: float, counted: float | None, looks: float) -> float:
    """Return the round trips in sequence: those that were counted, if the time bears them out.

    A count has no noise, but does not tell what is made in sequence; the time does.

    Args:
        measured: The round trips in sequence, by the time.
        counted: The calls that move an instance on; ``None`` if they are made beside each other.
        looks: The calls that only look, which may come before those, or beside them.
    """
    if counted is not None:
        for total in (counted, counted + looks):
            if abs(measured - total) <= _noise(total):
                return total
    return nearest(measured)


def doubts(*, measured: float, counted: float | None, looks: float) -> str:
    """Return where the time and the count differ, in words; nothing if they agree.

    The arguments are those of :func:`total_of`.
    """
    total = total_of(measured=measured, counted=counted, looks=looks)
    if counted is None:
        is_near = abs(measured - total) <= MOST_OFF
        return "" if is_near else f"{measured:.2f} were measured, which is near no half or whole"
    if total == counted:
        return ""
    words = f"the calls that move an instance on come to {counted:g}, the time to {total:g}"
    if total == counted + looks:
        words += f": calls that only look come before them ({looks:g})"
    return words


def _noise(total: float) -> float:
    return max(MOST_OFF, _NOISE_SHARE * total)


def per_step(*, whole: float, of_one_step: float, steps: int) -> float:
    """Return the round trips that each further step adds.

    Raises:
        ValueError: There is no further step.
    """
    if steps < 2:
        raise ValueError("one step shows nothing of the next")
    return (whole - of_one_step) / (steps - 1)


def _time(seconds: float) -> str:
    return f"{seconds * 1_000:g} ms" if seconds < 1 else f"{seconds:.2f} s"
