"""An instance that is loaded in this process: its runner, and what the engine keeps beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from perdure._runner.runner import Runner
    from perdure.embedded.targets import Run
    from perdure.spi.history import WorkflowStarted


class LiveInstance:
    """One run, loaded.

    Attributes:
        started: What the run began with.
        seq: The number of the journal's next row.
        tasks: The activities that run now, by command id.
        mail_id: The newest row of the inbox that was posted to the runner.
        kept_ids: Rows that this process put there for its own runner, which has them.
        is_queued: It will be stepped by the next flush.
        carried: What fetches or stores payloads for it; it is not stepped meanwhile.
        uncommitted: How many of its steps are not committed yet.
        is_gone: It is loaded no more; what still comes for it is not for this runner.
        has_ended: It is gone because its run is over; what still comes for it is for nobody.
        must_resume: It was rebuilt, and its open activities have not been started again yet.
        alarm_us: The earliest alarm that is set for it.
        used: When it was stepped last, in steps of the whole engine.
    """

    __slots__ = (
        "alarm_us",
        "carried",
        "custom_status",
        "has_ended",
        "is_gone",
        "is_queued",
        "kept_ids",
        "mail_id",
        "must_resume",
        "run",
        "runner",
        "seq",
        "started",
        "tasks",
        "uncommitted",
        "used",
    )

    def __init__(self, run: Run, *, started: WorkflowStarted, runner: Runner, seq: int = 0) -> None:
        self.run = run
        self.started = started
        self.runner = runner
        self.seq = seq
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self.mail_id = 0
        self.kept_ids: set[int] = set()
        self.is_queued = False
        self.carried: asyncio.Task[None] | None = None
        self.uncommitted = 0
        self.is_gone = False
        self.has_ended = False
        self.must_resume = False
        self.alarm_us: int | None = None
        self.custom_status = runner.executor.custom_status_json
        self.used = 0

    @property
    def is_idle(self) -> bool:
        """Whether it could be unloaded without losing or repeating anything."""
        return not (
            self.tasks
            or self.is_queued
            or self.carried
            or self.uncommitted
            or self.runner.has_arrivals
            or self.is_gone
        )
