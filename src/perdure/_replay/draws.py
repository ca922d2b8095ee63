"""Draws: random numbers and ids that come of a run's seed, so that a replay draws them again."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class SeededDraws:
    """Streams of their own: what perdure draws must not shift what the workflow's code draws.

    Each is seeded when it is first drawn from. That costs more than a step of a workflow, and most
    workflows draw nothing.
    """

    seed: str = ""

    @cached_property
    def random(self) -> Random:
        """The random numbers of the workflow's code."""
        return Random(f"{self.seed}:random")

    @cached_property
    def jitter(self) -> Random:
        """The random numbers of retries."""
        return Random(f"{self.seed}:jitter")

    @cached_property
    def _uuids(self) -> Random:
        return Random(f"{self.seed}:uuid")

    def uuid4(self) -> uuid.UUID:
        """Return a random UUID that a replay draws again."""
        return uuid.UUID(int=self._uuids.getrandbits(128), version=4)

    @contextmanager
    def drawing_from(self, seed: str) -> Iterator[None]:
        """Within, draw from streams that begin anew, of the run's seed and this one."""
        kept = vars(self)
        outer = {name: kept.pop(name) for name in _STREAMS if name in kept}
        outer["seed"] = self.seed
        self.seed = f"{self.seed}:{seed}"
        try:
            yield
        finally:
            for name in _STREAMS:
                kept.pop(name, None)
            kept.update(outer)


_STREAMS = [name for name, it in vars(SeededDraws).items() if isinstance(it, cached_property)]
