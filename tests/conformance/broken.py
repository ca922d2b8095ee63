"""Backends with one flaw each, of the kinds that real ones have had; else the embedded engine.

``FLAWS`` says which test of which contract must see each.
"""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from perdure import InstanceAlreadyExistsError, InstanceNotFoundError, Status
from perdure.clock import SystemClock
from perdure.embedded.backend import EmbeddedBackend
from perdure.embedded.location import parse_location
from perdure.errors import InstanceActiveError
from perdure.spi import BackendWorker, Capability, Health, InstanceFilter, InstancePage
from perdure.spi.history import CANCEL_EVENT, ChildStarted, ContinuedAsNew
from tests.conformance.meddling import MeddlingExecutor, MeddlingProgram

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure import InstanceInfo
    from perdure.clock import Clock
    from perdure.spi import ActivityOutcome, ActivityTask, HistoryEvent, Program, StartRequest

_HOURS_10_US = 10 * 3600 * 1_000_000


class Sound(EmbeddedBackend):
    """No flaw, yet wrapped as the others are."""

    program_type: type[MeddlingProgram] = MeddlingProgram

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        super().__init__(parse_location(url), clock=clock or SystemClock())

    def worker(self, program: Program) -> Any:
        return super().worker(self.program_type(program))


# -- events ----------------------------------------------------------------------------------------


class DropsAnEvent(Sound):
    async def raise_event(self, instance_id: str, name: str, payload: str) -> None:
        if payload != "3":
            await super().raise_event(instance_id, name, payload)


class SwallowsFalsyPayloads(Sound):
    async def raise_event(self, instance_id: str, name: str, payload: str) -> None:
        is_falsy = payload in {"0", "false", '""', "[]", "{}", "0.0"}
        await super().raise_event(instance_id, name, "null" if is_falsy else payload)


class FoldsNames(Sound):
    async def raise_event(self, instance_id: str, name: str, payload: str) -> None:
        await super().raise_event(instance_id, name.replace("-", "_"), payload)


class SwapsEvents(Sound):
    held: tuple[str, str, str] | None = None

    async def raise_event(self, instance_id: str, name: str, payload: str) -> None:
        if payload == "1":
            self.held = (instance_id, name, payload)
            return
        await super().raise_event(instance_id, name, payload)
        held, self.held = self.held, None
        if held is not None:
            await super().raise_event(*held)


class IgnoresCancel(Sound):
    async def raise_event(self, instance_id: str, name: str, payload: str) -> None:
        if name != CANCEL_EVENT:
            await super().raise_event(instance_id, name, payload)


# -- starting and ending ---------------------------------------------------------------------------


class StartsInTwoSteps(Sound):
    async def start(self, request: StartRequest) -> InstanceInfo:
        try:
            info = await self.get(request.instance_id)
        except InstanceNotFoundError:
            await asyncio.sleep(0.02)
            request = dataclasses.replace(request, if_exists="attach")
            return await super().start(request)
        raise InstanceAlreadyExistsError(instance_id=info.instance_id, status=info.status)


class AttachesToActiveOnesOnly(Sound):
    async def start(self, request: StartRequest) -> InstanceInfo:
        if request.if_exists == "attach":
            try:
                if (await self.get(request.instance_id)).status.is_terminal:
                    request = dataclasses.replace(request, if_exists="replace_finished")
            except InstanceNotFoundError:
                pass
        return await super().start(request)


class FoldsCaseOfIds(Sound):
    async def start(self, request: StartRequest) -> InstanceInfo:
        folded = dataclasses.replace(request, instance_id=request.instance_id.lower())
        return await super().start(folded)

    async def wait(self, instance_id: str, *, timeout: timedelta | None) -> InstanceInfo:
        return await super().wait(instance_id.lower(), timeout=timeout)

    async def get(self, instance_id: str) -> InstanceInfo:
        return await super().get(instance_id.lower())


class StartsAtOnce(Sound):
    async def start(self, request: StartRequest) -> InstanceInfo:
        return await super().start(dataclasses.replace(request, start_at=None))


class HasNoEnd(Sound):
    async def start(self, request: StartRequest) -> InstanceInfo:
        return await super().start(dataclasses.replace(request, execution_timeout=None))


class LosesHeaders(Sound):
    async def start(self, request: StartRequest) -> InstanceInfo:
        return await super().start(dataclasses.replace(request, headers={}))


class LosesTags(Sound):
    async def start(self, request: StartRequest) -> InstanceInfo:
        return await super().start(dataclasses.replace(request, tags={}))


class ChokesOnLargeOnes(Sound):
    async def start(self, request: StartRequest) -> InstanceInfo:
        if len(request.arguments) > 1_000_000:
            raise ConnectionResetError("message too large")
        return await super().start(request)


class RefusesLateTermination(Sound):
    async def terminate(self, instance_id: str, *, reason: str) -> None:
        info = await self.get(instance_id)
        if info.status.is_terminal:
            raise InstanceActiveError(
                instance_id=instance_id, status=info.status, action="terminate"
            )
        await super().terminate(instance_id, reason=reason)


class PurgesWhatRuns(Sound):
    async def purge(self, instance_id: str) -> None:
        await self.terminate(instance_id, reason="purge")
        await self.wait(instance_id, timeout=timedelta(seconds=5))
        await super().purge(instance_id)


class CallsStalledFailed(Sound):
    async def wait(self, instance_id: str, *, timeout: timedelta | None) -> InstanceInfo:
        info = await super().wait(instance_id, timeout=timeout)
        status = Status.FAILED if info.status is Status.STALLED else info.status
        return dataclasses.replace(info, status=status)


# -- capabilities ----------------------------------------------------------------------------------


class NeverHolds(Sound):
    async def suspend(self, instance_id: str, *, reason: str) -> None:
        await self.get(instance_id)


class ListsTheOldestFirst(Sound):
    async def query(
        self, filter: InstanceFilter, *, page_size: int, token: str | None
    ) -> InstancePage:
        page = await super().query(filter, page_size=page_size, token=token)
        return dataclasses.replace(page, items=page.items[::-1])


class ForgetsPages(Sound):
    async def query(
        self, filter: InstanceFilter, *, page_size: int, token: str | None
    ) -> InstancePage:
        page = await super().query(filter, page_size=page_size, token=token)
        return dataclasses.replace(page, next_token=None)


class ShortensHistory(Sound):
    async def history(
        self, instance_id: str, *, run_id: str | None = None
    ) -> Sequence[HistoryEvent]:
        events = await super().history(instance_id, run_id=run_id)
        return [event for event in events if type(event).__name__ != "TimerFired"]


class KnowsOneRunOnly(Sound):
    async def history(
        self, instance_id: str, *, run_id: str | None = None
    ) -> Sequence[HistoryEvent]:
        return await super().history(instance_id)


class OnlySaysItRestarts(Sound):
    async def restart(self, instance_id: str, *, from_command: int | None) -> InstanceInfo:
        return await self.get(instance_id)


class RerunsFromTheBeginning(Sound):
    async def restart(self, instance_id: str, *, from_command: int | None) -> InstanceInfo:
        return await super().restart(instance_id, from_command=None)


class DoesWhatItDoesNotDeclare(Sound):
    @property
    def capabilities(self) -> frozenset[Capability]:
        return super().capabilities - {Capability.TAGS}


class IsAlwaysIll(Sound):
    async def health(self) -> Health:
        return Health(is_healthy=False, detail="who knows")


# -- running ---------------------------------------------------------------------------------------


class RunsActivitiesTwice(Sound):
    class program_type(MeddlingProgram):
        async def run_activity(self, task: ActivityTask) -> ActivityOutcome:
            await self.inner.run_activity(task)
            return await self.inner.run_activity(task)


class RetriesByItself(Sound):
    class program_type(MeddlingProgram):
        async def run_activity(self, task: ActivityTask) -> ActivityOutcome:
            outcome = await self.inner.run_activity(task)
            return outcome if outcome.failure is None else await self.inner.run_activity(task)


class FiresTimersEarly(Sound):
    class program_type(MeddlingProgram):
        class executor_type(MeddlingExecutor):
            def next_deadline_us(self) -> int | None:
                due_us = self.inner.next_deadline_us()
                return None if due_us is None else due_us - _HOURS_10_US

            def advance(self, at_us: int) -> list[HistoryEvent]:
                return self.inner.advance(at_us + _HOURS_10_US)


class LosesUntakenEvents(Sound):
    class program_type(MeddlingProgram):
        class executor_type(MeddlingExecutor):
            @property
            def outcome(self) -> object:
                outcome = self.inner.outcome
                if isinstance(outcome, ContinuedAsNew):
                    return dataclasses.replace(outcome, carried=())
                return outcome

            def changed(self, entry: HistoryEvent) -> HistoryEvent:
                if isinstance(entry, ContinuedAsNew):
                    return dataclasses.replace(entry, carried=())
                return entry


class AbandonsNobody(Sound):
    class program_type(MeddlingProgram):
        class executor_type(MeddlingExecutor):
            def changed(self, entry: HistoryEvent) -> HistoryEvent:
                if isinstance(entry, ChildStarted):
                    return dataclasses.replace(entry, on_parent_end="terminate")
                return entry


class LeavesChildrenBehind(Sound):
    class program_type(MeddlingProgram):
        class executor_type(MeddlingExecutor):
            def changed(self, entry: HistoryEvent) -> HistoryEvent:
                if isinstance(entry, ChildStarted):
                    return dataclasses.replace(entry, on_parent_end="abandon")
                return entry


class BeginsAgainAfterACrash(Sound):
    """Starts what was running from its beginning, when a worker comes."""

    def worker(self, program: Program) -> Any:
        return _ForgetfulWorker(self, super().worker(program))


class _ForgetfulWorker(BackendWorker):
    def __init__(self, backend: Sound, worker: BackendWorker) -> None:
        self._backend = backend
        self._worker = worker

    async def start(self) -> None:
        from perdure.spi import StartRequest

        running = InstanceFilter(statuses=(Status.RUNNING,))
        page = await self._backend.query(running, page_size=100, token=None)
        for info in page.items:
            await self._backend.terminate(info.instance_id, reason="begin again")
            request = StartRequest(
                workflow=info.name,
                instance_id=info.instance_id,
                arguments=info.input_json or "{}",
                if_exists="replace_finished",
            )
            await self._backend.start(request)
        await self._worker.start()

    async def drain(self, *, timeout: timedelta) -> None:
        await self._worker.drain(timeout=timeout)

    async def stop(self) -> None:
        await self._worker.stop()


FLAWS: Final[dict[type[Sound], tuple[str, str]]] = {
    DropsAnEvent: ("Events", "come_in_the_order"),
    SwapsEvents: ("Events", "come_in_the_order"),
    FoldsNames: ("Events", "every_name_that_the_rules_allow[a-b]"),
    SwallowsFalsyPayloads: ("Payloads", "comes_back_as_it_was_through_every_way[false]"),
    IgnoresCancel: ("Cancellation", "may_tidy_up"),
    StartsInTwoSteps: ("Concurrency", "of_many_starts_of_one_id_one_wins"),
    AttachesToActiveOnesOnly: ("Lifecycle", "attaching_joins"),
    FoldsCaseOfIds: ("IdRules", "ids_that_differ_in_case"),
    StartsAtOnce: ("StartAt", "nothing_runs_before_its_time"),
    HasNoEnd: ("ExecutionTimeout", "a_run_that_takes_too_long"),
    LosesHeaders: ("Headers", "headers_reach"),
    LosesTags: ("Tags", "tags_are_seen"),
    ChokesOnLargeOnes: ("Limits", "a_large_value_arrives_or_is_refused_at_once[3072]"),
    RefusesLateTermination: ("Terminate", "a_finished_instance_stays"),
    PurgesWhatRuns: ("Purge", "an_active_instance_is_not_purged"),
    CallsStalledFailed: ("Determinism", "code_that_does_not_fit_stalls"),
    NeverHolds: ("Suspend", "what_arrives_during_a_hold"),
    ListsTheOldestFirst: ("Query", "newest_first"),
    ForgetsPages: ("Query", "newest_first"),
    ShortensHistory: ("History", "every_step_is_in_it"),
    KnowsOneRunOnly: ("HistoryAcrossRuns", "outlives_it"),
    OnlySaysItRestarts: ("Restart", "a_restart_is_a_new_run"),
    RerunsFromTheBeginning: ("Rerun", "only_what_comes_after"),
    DoesWhatItDoesNotDeclare: ("Declared", "what_is_not_declared_raises"),
    IsAlwaysIll: ("Declared", "health_tells"),
    RunsActivitiesTwice: ("Activities", "runs_once_and_in_order"),
    RetriesByItself: ("Retries", "until_it_succeeds"),
    FiresTimersEarly: ("Timers", "at_its_instant_and_not_before"),
    LosesUntakenEvents: ("ContinueAsNew", "events_that_nobody_took"),
    AbandonsNobody: ("Children", "an_abandoned_child_goes_on"),
    LeavesChildrenBehind: ("Approvals", "ends_with_the_workflow"),
    BeginsAgainAfterACrash: ("WorkerRecovery", "runs_again_under_the_same_key"),
}
