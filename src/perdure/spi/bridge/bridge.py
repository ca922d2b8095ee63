"""The bridge: a program's workflows and activities as the functions that an SDK registers."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from perdure.spi.bridge.activities import awaited, run_activity, threaded
from perdure.spi.bridge.episode import Episode
from perdure.spi.bridge.errands import is_reserved, run_errand
from perdure.spi.bridge.retained import RetainedRuns
from perdure.spi.bridge.run import Run
from perdure.spi.bridge.sdk import watching

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Generator

    from perdure.spi.bridge.activities import Activity, ActivityContext, Runner
    from perdure.spi.bridge.errands import Errands
    from perdure.spi.bridge.openings import Opening
    from perdure.spi.bridge.result_record import ResultRecord
    from perdure.spi.bridge.sdk import OrchestrationContext, Sdk, WakeTask
    from perdure.spi.program import Program

DEFAULT_RETAINED = 1_000

_logger = logging.getLogger(__name__)


class Bridge:
    """Runs a program on an SDK whose workflows are generators. One for each worker.

    The backend registers what :meth:`orchestrator` and :meth:`activity`, or :meth:`async_activity`,
    return under the names of the program and those of errands, and calls :meth:`close` once the
    SDK's worker has stopped.
    """

    def __init__(
        self,
        program: Program,
        *,
        sdk: Sdk,
        retain: int = DEFAULT_RETAINED,
        hears_others: bool = True,
        on_parked: Callable[[str, str], None] | None = None,
        results: ResultRecord | None = None,
        errands: Errands | None = None,
    ) -> None:
        """Make the bridge.

        Args:
            program: What to run.
            sdk: The SDK's classes.
            retain: How many runs to keep in memory between work items; others replay.
            hears_others: Whether events that other vendors' clients raise by their own name reach
                workflows that wait for that name.
            on_parked: Told the instance and the reason where this worker cannot go on with it.
                To resume it, a worker with fitting code has ``WAKE_EVENT`` raised on the channel.
            results: Where what activities have returned is kept on this host.
            errands: Who runs errands.
        """
        self.program = program
        self.sdk = sdk
        self.watch = watching(sdk)
        self.runs = RetainedRuns(limit=retain)
        self._hears_others = hears_others
        self._on_parked = on_parked
        self._results = results
        self._errands = errands

    def orchestrator(
        self, workflow: str
    ) -> Callable[[OrchestrationContext, Any], Generator[WakeTask, object, object]]:
        """Return the generator function to register as ``workflow``.

        Where the program lacks the workflow it parks the instance: a backend whose server cannot
        filter work items registers one for every name it is asked for.
        """

        def orchestrator(
            context: OrchestrationContext, value: Any = None
        ) -> Generator[WakeTask, object, object]:
            return Episode(self, workflow, context).execute(value)

        orchestrator.__name__ = orchestrator.__qualname__ = workflow
        return orchestrator

    def activity(self, name: str, loop: asyncio.AbstractEventLoop) -> Activity:
        """Return the function to register as activity ``name``; the activity runs on ``loop``."""
        return threaded(name, partial(self._run, name), loop)

    def async_activity(self, name: str, loop: asyncio.AbstractEventLoop) -> Runner:
        """Return the coroutine function to register as activity ``name``.

        It may be awaited on any event loop; the activity runs on ``loop`` and holds no thread.
        """
        return awaited(name, partial(self._run, name), loop)

    def close(self) -> None:
        """Tear down what is kept in memory. May be called twice."""
        self.runs.close()

    def begin(self, opening: Opening) -> Run:
        """Return the run that an execution is of, kept or new.

        Raises:
            WorkflowNotRegisteredError: The program lacks the workflow.
            PayloadError: The journal that it begins with is not whole.
        """

        def make() -> Run:
            return Run(
                self.program,
                opening,
                hears_others=self._hears_others,
                notes_in_timers=self.sdk.create_timer is not None,
                detaches_children=self.sdk.detaches_children,
            )

        return self.runs.begin(opening.instance_id, opening.start.run_id, make)

    def end(self, instance_id: str, run: Run) -> None:
        """Let go of a run that is over."""
        if self.runs.get(instance_id) is run:
            self.runs.forget(instance_id)

    def park(self, instance_id: str, workflow: str, reason: str) -> None:
        """Let go of an instance that this worker cannot go on with."""
        _logger.error("parked: %s", reason, extra={"instance_id": instance_id})
        self.runs.forget(instance_id)
        if self._on_parked is not None:
            self._on_parked(instance_id, reason)

    async def _run(self, name: str, context: ActivityContext, value: object) -> object:
        if self._errands is not None and is_reserved(name):
            return await run_errand(self._errands, name, value)
        return await run_activity(self.program, name, context, value, self._results)
