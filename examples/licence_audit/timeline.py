"""A picture of the evidence: each attempt a bar over time, by process, with the kill across."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evidence import Line
    from proof import Kill

WIDTH: Final = 960
_ROW: Final = 9
_BAR: Final = 6
_TOP: Final = 22
_MARGIN: Final = 8
_LABEL_WIDTH: Final = 30
_LABEL: Final = "Each attempt of each activity over time, before and after the kill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One run of one attempt. ``kind``: ``first`` or ``second`` worker, or ``cut`` by the kill."""

    start_us: int
    end_us: int
    kind: str
    title: str


def bars(evidence: Sequence[Line], kill: Kill) -> list[Bar]:
    """Pair begins with their ends, in the order they began; what has no end was cut by the kill."""
    last_us = max((line.at_us for line in evidence), default=kill.at_us)
    found = []
    for position, begin in enumerate(evidence):
        if begin.phase != "begin":
            continue
        same = (
            line
            for line in evidence[position + 1 :]
            if (line.key, line.attempt, line.pid) == (begin.key, begin.attempt, begin.pid)
        )
        end = next((line for line in same if line.phase != "begin"), None)
        is_cut = end is None and begin.pid == kill.pid
        stop_us = end.at_us if end else kill.at_us if is_cut else last_us
        kind = "cut" if is_cut else "first" if begin.pid == kill.pid else "second"
        number = begin.key.rpartition(":")[2]
        title = f"{begin.activity} {number}, attempt {begin.attempt}, process {begin.pid}"
        found.append(
            Bar(start_us=begin.at_us, end_us=max(stop_us, begin.at_us), kind=kind, title=title)
        )
    return found


def draw(evidence: Sequence[Line], kill: Kill) -> str:
    """Return the timeline as SVG; its colours come from the page's style."""
    drawn = bars(evidence, kill)
    start_us = min((bar.start_us for bar in drawn), default=kill.at_us)
    span_us = max(max((bar.end_us for bar in drawn), default=0), kill.at_us) - start_us or 1
    height = _TOP + len(drawn) * _ROW + _MARGIN

    def x(at_us: int) -> float:
        return round(_MARGIN + (at_us - start_us) / span_us * (WIDTH - 2 * _MARGIN), 1)

    def vertical(at_us: int, kind: str) -> str:
        return (
            f'<line class="{kind}" x1="{x(at_us)}" x2="{x(at_us)}" y1="{_TOP - 4}" y2="{height}"/>'
        )

    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{_LABEL}">']
    for second in range(span_us // 1_000_000 + 1):
        at_us = start_us + second * 1_000_000
        parts.append(vertical(at_us, "grid"))
        if x(at_us) < WIDTH - _LABEL_WIDTH:
            parts.append(f'<text x="{x(at_us) + 3}" y="14">{second} s</text>')
    for row, bar in enumerate(drawn):
        width = max(round(x(bar.end_us) - x(bar.start_us), 1), 2)
        parts.append(
            f'<rect class="{bar.kind}" x="{x(bar.start_us)}" y="{_TOP + row * _ROW}" rx="1.5" '
            f'width="{width}" height="{_BAR}"><title>{escape(bar.title)}</title></rect>'
        )
    label = f'<text class="killed" x="{x(kill.at_us) + 5}" y="{height - _MARGIN}">SIGKILL</text>'
    return "\n".join((*parts, vertical(kill.at_us, "kill"), label, "</svg>"))
