"""A worker for the property tests: reads cases, answers each with a digest of its journal.

Run as a script, in a fresh process, under any version of Python and any ``PYTHONHASHSEED``. Each
line read is a case as JSON; each line written is the digest, or with ``--journals`` the journal's
text as a JSON string. ``--by-address`` takes back the hashes by creation number, so that a test of
the tests can see them fail.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys

from perdure._replay import futures
from tests.replay.program_driver import Case, digest, normal_text, play_case


def main(options: list[str]) -> None:
    """Answer every line of standard input."""
    if "--by-address" in options:
        futures.WorkflowTask.__hash__ = asyncio.Task.__hash__  # type: ignore[method-assign]
        futures.WorkflowFuture.__hash__ = asyncio.Future.__hash__  # type: ignore[method-assign]
    for line in sys.stdin:
        litter = _scattered()
        play = play_case(Case.from_json(line))
        text = normal_text(play.journal) if "--journals" in options else digest(play.journal)
        sys.stdout.write(json.dumps(text) + "\n")
        sys.stdout.flush()
        del litter


def _scattered() -> list[object]:
    """Leave the allocator with gaps in a random order, so that addresses say nothing of age."""
    objects: list[object] = [asyncio.Future(loop=_loop) for _ in range(300)]
    random.shuffle(objects)
    return objects[:150]


_loop = asyncio.new_event_loop()

if __name__ == "__main__":
    main(sys.argv[1:])
