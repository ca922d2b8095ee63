"""The time axis of a timeline: from instants to columns, with long idle stretches cut short."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from perdure.cli.timeline import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.cli.timeline import Timeline

_IDLE_SHARE_TO_CUT = 0.6
_CUT_COLUMNS = 10
_MOST_FOR_CUTS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A piece of the axis. Where it is cut, less is drawn than has passed."""

    start_us: int
    end_us: int
    first: float
    last: float
    is_cut: bool


class Axis:
    """Maps instants to columns, ``width`` of them.

    Idle is where no activity and no child ran: only timers, or waits for events.
    """

    def __init__(self, timeline: Timeline, *, width: int, now_us: int) -> None:
        self.width = width
        self.stretches = _stretches(timeline, width=width, now_us=now_us)

    def column(self, instant_us: int) -> int:
        """Return the column of an instant."""
        for stretch in self.stretches:
            if instant_us <= stretch.end_us:
                span = stretch.end_us - stretch.start_us
                share = max(instant_us - stretch.start_us, 0) / span if span else 0.0
                exact = stretch.first + share * (stretch.last - stretch.first)
                return min(int(exact + 1e-9), self.width - 1)
        return self.width - 1


def _stretches(timeline: Timeline, *, width: int, now_us: int) -> list[Stretch]:
    start_us, end_us = timeline.started.at_us, timeline.end_us
    edges = {start_us, end_us}
    work: list[tuple[int, int]] = []
    for row in timeline.rows:
        for bar in row.bars:
            end = now_us if bar.end_us is None else bar.end_us
            edges |= {bar.start_us, end}
            if bar.kind in (Kind.RUN, Kind.FAILED):
                work.append((bar.start_us, end))
    marks = sorted(edge for edge in edges if start_us <= edge <= end_us)
    pieces = list(pairwise(marks))
    busy = _busy(pieces, work)
    weights = _weights(pieces, busy, width=width)
    total = sum(weights) or 1.0
    stretches, at = [], 0.0
    for (first, last), weight in zip(pieces, weights, strict=True):
        after = at + weight * width / total
        is_cut = weight < last - first
        stretches.append(Stretch(start_us=first, end_us=last, first=at, last=after, is_cut=is_cut))
        at = after
    return stretches


def _busy(pieces: Sequence[tuple[int, int]], work: Sequence[tuple[int, int]]) -> list[bool]:
    """Return for each piece whether work covers it; both are read once, in order of time."""
    changes: dict[int, int] = {}
    for start, end in work:
        changes[start] = changes.get(start, 0) + 1
        changes[end] = changes.get(end, 0) - 1
    at_work, covered = 0, []
    for start, _ in pieces:
        at_work += changes.get(start, 0)
        covered.append(at_work > 0)
    return covered


def _weights(pieces: Sequence[tuple[int, int]], busy: Sequence[bool], *, width: int) -> list[float]:
    """Return how much room each piece gets: as long as it is, unless idling would fill the axis."""
    spans = [float(last - first) for first, last in pieces]
    working = sum(span for span, is_busy in zip(spans, busy, strict=True) if is_busy)
    total = sum(spans)
    if not working or total - working < _IDLE_SHARE_TO_CUT * total:
        return spans
    # Each cut is to have room for the words that say how much it leaves out.
    idle = len(spans) - sum(busy)
    share = min(idle * _CUT_COLUMNS / width, _MOST_FOR_CUTS)
    limit = working * share / (1 - share) / idle
    return [
        span if is_busy else min(span, limit) for span, is_busy in zip(spans, busy, strict=True)
    ]
