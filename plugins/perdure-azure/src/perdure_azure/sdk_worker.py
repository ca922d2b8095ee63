"""The SDK's worker, with what it lacks: every name registered, silence, quick reconnects, a drain.

It owns the loop over work items, on threads of its own. Activities run on perdure's loop, and
answers go over perdure's connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import grpc

from perdure.config import is_debugging
from perdure.errors import PayloadError, PayloadStoreError
from perdure.spi.bridge import Superseded
from perdure.spi.remote.calls import CHANNEL_OPTIONS
from perdure.spi.remote.dispatch import Dispatcher
from perdure.spi.remote.sdk_functions import with_names
from perdure.spi.remote.sdk_log import sdk_logger
from perdure.spi.remote.sdk_threads import Gauge, QuickShutdown
from perdure_azure import faults, sdk
from perdure_azure.answers import Answers, TurnStub
from perdure_azure.first_attempts import FirstAttempts
from perdure_azure.sdk_executor import SdkExecutor
from perdure_azure.sdk_stream import DispatchedChannel, WorkStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure.spi.bridge import Bridge
    from perdure_azure.address import Address
    from perdure_azure.connection import Connection
    from perdure_azure.foreign_payloads import ForeignPayloads
    from perdure_azure.tokens import Tokens

_RUN_LOOP: Final = "perdure-azure-worker"
_OF_ENTITIES: Final = ("entityRequest", "entityRequestV2")
# What the SDK says with every attempt to connect, several times a second.
_OUTAGE: Final = (
    "Failed to create connection",
    "Connection failed, retrying",
    "Connection timeout",
    "Connection-level gRPC error",
    "Application-level gRPC error",
    "The sidecar at address",
    "Error in work item stream: <",
)
_AWAY: Final = "the scheduler is away, or gives us no work; connecting until it does"
_STOP_SECONDS: Final = 5.0
_HELLO_SECONDS: Final = 5.0
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 2.0
_COMPLAINT_SECONDS: Final = 30.0
# How a stream ends that was there, or that nobody has answered.
_BROKEN: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
# The SDK takes a stream without messages of two minutes for broken.
_SIGN_SECONDS: Final = 30.0
_ACTIVITIES: Final = 10_000
_TURNS: Final = 1_000
# As many as the SDK has by itself: turns are work for the processor.
_THREADS: Final = (os.cpu_count() or 1) + 4


class SdkWorker(sdk.DurableTaskSchedulerWorker):  # type: ignore[misc]  # the SDK's class is Any here
    """One life of the SDK's worker: started once, stopped once."""

    def __init__(
        self,
        address: Address,
        tokens: Tokens,
        bridge: Bridge,
        *,
        foreign: ForeignPayloads,
        connection: Connection,
        worker_id: str,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Make it.

        Args:
            address: The scheduler and its hub.
            tokens: Those to show.
            bridge: What it runs.
            foreign: What reads payloads that Microsoft's SDKs have stored.
            connection: What answers go over.
            worker_id: What tells it from other workers, also on that connection.
            loop: Where activities run, and the connection's.
        """
        super().__init__(
            host_address=address.target,
            taskhub=address.hub,
            token_credential=tokens.for_sdk(),
            resource_id=address.audience,
            secure_channel=address.is_secure,
            data_converter=sdk.plain_json,
            payload_store=foreign.sdk_store(),
            logger=sdk_logger(
                faults.NAME, outage=_OUTAGE, summary=_AWAY, is_debugging=is_debugging()
            ),
            resiliency_options=_resilience(),
            concurrency_options=_concurrency(),
        )
        self.connected = threading.Event()
        self.refusal: Exception | None = None
        self._complained_at = -_COMPLAINT_SECONDS
        self._has_seen_entities = False
        self._emit_trace_spans = False
        self._registry = _EveryName(bridge)
        self._foreign = foreign
        self._tokens = tokens
        self._connection = connection
        self._loop = loop
        self._is_draining = threading.Event()
        self._busy = Gauge()
        self._async_worker_manager = _Turns(self._concurrency_options, self._logger)
        self._shutdown = QuickShutdown(thread_name=_RUN_LOOP)
        self._dispatcher = Dispatcher(turns=self._async_worker_manager.thread_pool, loop=loop)
        self._take_channel(address, tokens, worker_id)
        first = FirstAttempts(self._raw_channel, connection)
        self._answers = Answers(connection, loop, self._busy, first=first)

    @property
    def has_ended(self) -> bool:
        """Whether its loop over work items has ended for good."""
        thread = self._runLoop
        return thread is not None and not thread.is_alive()

    def start(self) -> None:
        """Begin to take work."""
        super().start()
        self._runLoop.name = _RUN_LOOP

    def hold_activities(self) -> None:
        """From now on leave activities unanswered that are handed out."""
        self._is_draining.set()

    def wait_until_idle(self, *, seconds: float) -> bool:
        """Return whether all answers were taken; waits for it for so long."""
        return self._busy.wait_for_zero(seconds)

    def stop(self) -> None:
        """Disconnect; what still runs is cancelled. Blocks for a few seconds at most."""
        self._dispatcher.cancel_activities(seconds=_STOP_SECONDS)
        super().stop()
        # What was handed out until the stream was closed.
        self._dispatcher.cancel_activities(seconds=_STOP_SECONDS)
        if not self._loop.is_closed():
            closing = asyncio.run_coroutine_threadsafe(self._answers.close(), self._loop)
            with contextlib.suppress(TimeoutError):
                closing.result(_STOP_SECONDS)
        self._raw_channel.close()

    def _take_channel(self, address: Address, tokens: Tokens, worker_id: str) -> None:
        """Make the channel in the SDK's place, so that its stream comes by the dispatcher."""
        options = list(CHANNEL_OPTIONS)
        if address.is_secure:
            credentials = grpc.ssl_channel_credentials()
            self._raw_channel = grpc.secure_channel(address.target, credentials, options=options)
        else:
            self._raw_channel = grpc.insecure_channel(address.target, options=options)
        headers = sdk.DTSDefaultClientInterceptorImpl(
            tokens.for_sdk(), address.hub, worker_id=worker_id, resource_id=address.audience
        )
        self._channel = DispatchedChannel(
            grpc.intercept_channel(self._raw_channel, headers), self._dispatched
        )
        self._owns_channel = False

    def _dispatched(self, stream: Any) -> WorkStream:
        self.connected.set()
        last_sign = time.monotonic()

        def dispatch(item: Any, stream: Any) -> bool:
            nonlocal last_sign
            if not self._dispatch(item):
                return False
            if time.monotonic() - last_sign < _SIGN_SECONDS:
                return True
            last_sign = time.monotonic()
            item.healthPing.SetInParent()  # so that the SDK sees that the stream lives
            return False

        return WorkStream(
            stream, dispatch, shutdown=self._shutdown, note_end=self._note_end_of_stream
        )

    def _note_end_of_stream(self, error: Any) -> None:
        if error.code() in _BROKEN:
            return
        self.refusal = self._connection.translate(error, action="hand out work", instance_id="")
        if isinstance(self.refusal, faults.RefusedTokenError):
            self._tokens.invalidate()
        now = time.monotonic()
        if now - self._complained_at > _COMPLAINT_SECONDS:
            self._complained_at = now
            self._logger.warning("the scheduler hands out no work: %s", self.refusal)

    def _dispatch(self, item: Any) -> bool:
        kind = item.WhichOneof("request")
        if self._shutdown.is_set():
            return False
        if kind == "orchestratorRequest":
            self._dispatcher.submit_turn(self._turn, item.orchestratorRequest, item.completionToken)
            return True
        if kind == "activityRequest":
            request, token = item.activityRequest, item.completionToken
            self._dispatcher.submit_activity(self._activity, request, token)
            return True
        if kind in _OF_ENTITIES:
            level = logging.DEBUG if self._has_seen_entities else logging.WARNING
            self._has_seen_entities = True
            self._logger.log(level, "given an operation of an entity, and perdure has none")
            self._answers.abandon_entity(item.completionToken)
            return True
        return False

    def _turn(self, request: Any, token: str) -> None:
        with self._busy.counting(), contextlib.suppress(Superseded):
            if self._is_draining.is_set():
                self._answers.abandon_turn(token)
                return
            try:
                self._foreign.check_readable(request.newEvents)
                _execute_orchestrator(self, request, TurnStub(self._answers, request), token)
            except Exception as error:
                # Unanswered it would stay here for ever.
                is_expected = isinstance(error, PayloadError | PayloadStoreError)
                extra = {"instance_id": request.instanceId}
                self._logger.warning(
                    "a turn must wait: %s", error, extra=extra, exc_info=not is_expected
                )
                self._answers.abandon_turn(token)

    async def _activity(self, request: Any, token: str) -> None:
        if self._is_draining.is_set():
            self._answers.abandon_activity(token)
            return
        with self._busy.counting():
            instance_id = request.orchestrationInstance.instanceId
            answer = sdk.pb.ActivityResponse(
                instanceId=instance_id, taskId=request.taskId, completionToken=token
            )
            run = self._registry.runner(request.name, self._loop)
            context = sdk.ActivityContext(instance_id, request.taskId)
            try:
                what = f"input of activity {request.name!r}"
                text = await self._foreign.resolve(request.input.value, what=what)
                value = sdk.plain_json.deserialize(text)
                result = sdk.plain_json.serialize(await run(context, value))
            except Exception as error:  # noqa: BLE001 - any failure is the activity's answer
                answer.failureDetails.CopyFrom(sdk.helpers.new_failure_details(error))
            else:
                answer.result.value = result or ""
            await self._answers.complete_activity(answer)


_execute_orchestrator: Final = with_names(
    sdk.DurableTaskSchedulerWorker._execute_orchestrator, _OrchestrationExecutor=SdkExecutor
)


def _resilience() -> sdk.GrpcWorkerResiliencyOptions:
    return sdk.GrpcWorkerResiliencyOptions(
        hello_timeout_seconds=_HELLO_SECONDS,
        reconnect_backoff_base_seconds=_FIRST_PAUSE_SECONDS,
        reconnect_backoff_cap_seconds=_LONGEST_PAUSE_SECONDS,
    )


def _concurrency() -> sdk.ConcurrencyOptions:
    return sdk.ConcurrencyOptions(
        maximum_concurrent_activity_work_items=_ACTIVITIES,
        maximum_concurrent_orchestration_work_items=_TURNS,
        maximum_thread_pool_workers=_THREADS,
    )


class _EveryName(sdk.Registry):  # type: ignore[misc]  # as above
    """Has a function for every name; for workflows that the program lacks, one that parks them."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge

    def get_orchestrator(self, name: str) -> Any:
        """Return the generator function of a workflow."""
        found = self.orchestrators.get(name)
        if found is None:
            found = self.orchestrators[name] = self._bridge.orchestrator(name)
        return found

    def runner(self, name: str, loop: asyncio.AbstractEventLoop) -> Callable[..., Any]:
        """Return the coroutine function of an activity."""
        found = self.activities.get(name)
        if found is None:
            found = self.activities[name] = self._bridge.async_activity(name, loop)
        return found  # type: ignore[no-any-return]


class _Turns(sdk.TurnManager):  # type: ignore[misc]  # as above
    """The SDK's pool of threads without its queues, which look for an end once a second."""

    async def run(self) -> None:
        """Wait for the end, and then for the turns that run."""
        self._ended = asyncio.Event()
        self._ended_on = asyncio.get_running_loop()
        try:
            if not self._shutdown:
                await self._ended.wait()
        finally:
            await asyncio.to_thread(self.thread_pool.shutdown, wait=True)
            self._pool_is_shutdown = True

    def shutdown(self) -> None:
        """Say that this is the end."""
        super().shutdown()
        ended = getattr(self, "_ended", None)
        if ended is not None and not self._ended_on.is_closed():
            self._ended_on.call_soon_threadsafe(ended.set)
