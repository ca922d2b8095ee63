"""Record the golden journals: what happens to each workflow, in order.

::

    python -m tests.golden.recording          # compare with the files
    python -m tests.golden.recording --write  # write those that are missing
    python -m tests.golden.recording --write --replace races   # write this one anew

A journal that is there is replaced only by name: that it still replays is the point of it.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from perdure.spi.history import (
    Failed,
    HistoryEvent,
    Resumed,
    Suspended,
    Terminated,
    WorkflowStarted,
)
from perdure.spi.journal import encode_journal
from tests.golden.replay_all import GOLDEN
from tests.golden.workflows import DEFINITIONS
from tests.replay.stage import SECOND_US, START_US, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def _retries_and_draws(stage: Stage) -> None:
    stage.fail("charge", OSError("busy")).advance(2).complete("charge", {"ok": True, "für": "ü\n"})
    stage.advance(60).fail("refused", KeyError("card"))


def _approval_with_reminders(stage: Stage) -> None:
    stage.advance(3_600).complete("remind").send("other", [1]).advance(3_600)
    stage.fail("remind", OSError("mail")).send("approval", False).advance(2).complete("remind")
    stage.advance(1_798).complete("close")


def _races(stage: Stage) -> None:
    for number in (7, 3, 11, 0, 5, 8, 2):
        stage.complete(f"part {number}", number).complete("seen")
    for number in (10, 1, 4, 6, 9):
        stage.complete(f"undo {number}")
    stage.complete("y", 100).advance(61).complete("x", 200)


def _groups_and_timeouts(stage: Stage) -> None:
    stage.complete("body").complete("key").complete("os").advance(10).advance(5)


def _shared_objects(stage: Stage) -> None:
    stage.complete("make", "first").complete("ship")
    for value in ("second", "third", "fourth"):
        stage.complete("make", value).complete("ship")


def _children(stage: Stage) -> None:
    stage.advance(30).fail("kid", ValueError("lost a shoe")).complete("kid", {"n": 2})


def _goes_on_as_new(stage: Stage) -> None:
    stage.send("keep", "ä").send("add", 2).send("keep", None).send("add", 3)


def _encoding_error(stage: Stage) -> None:
    stage.complete("good", [])


def _patched(stage: Stage) -> None:
    stage.complete("new", 1)


def _patched_before(stage: Stage) -> None:
    stage.complete("old", 1)


def _generators_and_contexts(stage: Stage) -> None:
    for value in (1, 2, 0, 4, 5, 6):
        stage.complete("page", value)
    stage.complete("release").complete("release")


def _late_results(stage: Stage) -> None:
    stage.advance(5).complete("slow", "late").complete("other").send("more").advance(500)


def _is_cancelled(stage: Stage) -> None:
    stage.cancel().cancel().complete("undo", after=1).complete("undo for good", after=1)


def _wide(stage: Stage) -> None:
    for number in range(0, 150, 3):
        stage.complete("wide", number)
    stage.advance(101).advance(2).complete("report")


def _is_held_and_ended(stage: Stage) -> None:
    stage.deliver(Suspended(at_us=START_US + SECOND_US, reason="lunch"))
    stage.deliver(Resumed(at_us=START_US + 90 * SECOND_US))
    stage.deliver(Terminated(at_us=START_US + 99 * SECOND_US, reason="enough"))


HAPPENINGS: dict[str, Callable[[Stage], None]] = {
    function.__name__.removeprefix("_"): function
    for function in (
        _retries_and_draws,
        _approval_with_reminders,
        _races,
        _groups_and_timeouts,
        _shared_objects,
        _children,
        _goes_on_as_new,
        _encoding_error,
        _patched,
        _patched_before,
        _generators_and_contexts,
        _late_results,
        _is_cancelled,
        _wide,
        _is_held_and_ended,
    )
}


def record(name: str) -> list[HistoryEvent]:
    """Return the journal of the workflow as it runs now."""
    stage = Stage(DEFINITIONS[name], **_options(name))
    try:
        HAPPENINGS[name](stage.start())
    finally:
        stage.executor.close()
    return list(map(_lasting, stage.journal))


def _options(name: str) -> dict[str, Any]:
    if name == "patched_before":
        return {"stamped": ()}
    return {"deadline_seconds": 500} if name == "late_results" else {}


def _lasting(entry: HistoryEvent) -> HistoryEvent:
    """Return an entry without the paths of this machine."""
    if isinstance(entry, Failed):
        return replace(entry, failure=replace(entry.failure, traceback=""))
    return entry


def same(journal: Iterable[HistoryEvent]) -> str:
    """Return a journal's text without the versions that wrote it."""
    return encode_journal(
        replace(entry, python="", perdure="") if isinstance(entry, WorkflowStarted) else entry
        for entry in journal
    )


def main(arguments: list[str]) -> int:
    """Compare, or write what is asked for; return how many journals differ."""
    replaced = arguments[arguments.index("--replace") + 1 :] if "--replace" in arguments else []
    differing = 0
    for name in HAPPENINGS:
        path = GOLDEN / f"{name}.jsonl"
        text = encode_journal(record(name)) + "\n"
        if "--write" in arguments and (name in replaced or not path.exists()):
            path.write_text(text, "utf-8")
        differing += not path.exists() or path.read_text("utf-8") != text
    return differing


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
