"""What a worker process of the property tests runs: reads cases, answers each with a digest.

Each line read is a case as JSON; each line written is the digest of its journal, or with
``--journals`` the journal's text, as a JSON string. ``--by-address`` takes back the hashes by
creation number, so that a test of the tests can see them fail. Needs only the standard library and
the replay core.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import sys

from perdure._replay import futures
from tests.replay.program_driver import Case, digest, normal_text, play_case


def main(options: list[str]) -> None:
    """Answer every line of standard input."""
    logging.disable()  # programs leave errors to nobody
    if "--by-address" in options:
        futures.WorkflowTask.__hash__ = asyncio.Task.__hash__  # type: ignore[method-assign]
        futures.WorkflowFuture.__hash__ = asyncio.Future.__hash__  # type: ignore[method-assign]
    loop = asyncio.new_event_loop()
    for line in sys.stdin:
        gaps = _gaps(loop)
        play = play_case(Case.from_json(line))
        play.executor.close()
        text = normal_text(play.journal) if "--journals" in options else digest(play.journal)
        sys.stdout.write(json.dumps(text) + "\n")
        sys.stdout.flush()
        del gaps
    loop.close()


def _gaps(loop: asyncio.AbstractEventLoop) -> list[object]:
    """Leave gaps in memory in a random order, so that addresses say nothing of age."""
    objects: list[object] = [asyncio.Future(loop=loop) for _ in range(300)]
    random.shuffle(objects)
    return objects[:150]


if __name__ == "__main__":
    main(sys.argv[1:])
