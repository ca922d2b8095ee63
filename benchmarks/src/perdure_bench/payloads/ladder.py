"""The ladder: sizes one after the other, then the edge between those that pass and the others.

Pure but for the probe that it is given.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perdure_bench.payloads.probing import Outcome, Probed

TOLERANCE = 0.02
_MOST_ALIKE = 3
"""So many sizes in a row that do not pass in the same way are enough: a larger one is no news."""

_MOST_WITHOUT_END = 2
"""The same of sizes that hang or break a connection, each of which takes long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Where a backend's limit is.

    Attributes:
        accepted: The largest size below the first that did not pass; 0 if none passed.
        then: What became of the next one tried; ``None`` if all passed.
        beyond: Its size.
    """

    accepted: int
    then: Outcome | None = None
    beyond: int | None = None


@dataclass(slots=True)
class Ladder:
    """What was tried, by size.

    Attributes:
        probes: All of them, in the order in which they were made.
    """

    probes: list[Probed] = field(default_factory=list)

    @property
    def in_order(self) -> list[Probed]:
        """All probes, the smallest first."""
        return sorted(self.probes, key=lambda probed: probed.bytes)

    @property
    def edge(self) -> Edge:
        """Where the limit is, as far as is known."""
        accepted = 0
        for probed in self.in_order:
            if probed.outcome != "accepted":
                return Edge(accepted=accepted, then=probed.outcome, beyond=probed.bytes)
            accepted = probed.bytes
        return Edge(accepted=accepted)


def climb(
    probe: Callable[[int], Probed], rungs: Sequence[int], *, tolerance: float = TOLERANCE
) -> Ladder:
    """Try each size, smallest first, then those between the last that passed and the next.

    A size that did not pass below one that did is tried again, once.

    Args:
        probe: Tries a size.
        rungs: The sizes.
        tolerance: How far apart, as a fraction, the two sizes at the edge may stay.
    """
    ladder = Ladder()
    for size in sorted(rungs):
        ladder.probes.append(probe(size))
        if _is_no_news(ladder.probes):
            break
    _try_strays_again(ladder, probe)
    while (middle := _between(ladder.edge, tolerance)) is not None:
        ladder.probes.append(probe(middle))
    return ladder


def as_json(probed: Probed) -> dict[str, Any]:
    """Return what a run keeps of a probe."""
    content = {**asdict(probed), "seconds": round(probed.seconds, 3)}
    del content["is_removed"]
    return content


def in_words(ladder: Ladder) -> str:
    """Return where the edge is and what is beyond it, as a sentence."""
    edge = ladder.edge
    if edge.then is None:
        return f"all sizes passed, up to {edge.accepted:,} bytes"
    first = next(probed for probed in ladder.in_order if probed.bytes == edge.beyond)
    where = f" ({first.where})" if first.where else ""
    words = f": {first.words}" if first.words else ""
    passed = f"passes up to {edge.accepted:,} bytes" if edge.accepted else "no size passed"
    return f"{passed}; {first.bytes:,} bytes are {first.outcome}{where}{words}"


def _try_strays_again(ladder: Ladder, probe: Callable[[int], Probed]) -> None:
    passed = [probed.bytes for probed in ladder.probes if probed.outcome == "accepted"]
    for place, probed in enumerate(ladder.probes):
        if probed.outcome != "accepted" and probed.bytes < max(passed, default=0):
            before = f"{probed.outcome} {probed.words}".strip()
            ladder.probes[place] = replace(probe(probed.bytes), before=before)


def _is_no_news(probes: Sequence[Probed]) -> bool:
    last = probes[-1]
    most = _MOST_WITHOUT_END if last.outcome in ("hung", "lost") else _MOST_ALIKE
    ways_not_to_pass = {(probed.outcome, probed.where) for probed in probes[-most:]}
    return last.outcome != "accepted" and len(probes) >= most and len(ways_not_to_pass) == 1


def _between(edge: Edge, tolerance: float) -> int | None:
    if edge.beyond is None or edge.accepted == 0:
        return None
    if edge.beyond - edge.accepted <= tolerance * edge.beyond:
        return None
    return (edge.accepted + edge.beyond) // 2
