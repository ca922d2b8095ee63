"""The SDK's worker, with what it lacks: every name registered, silence, quick reconnects, a drain.

It owns the connection and the loop over work items, on threads of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from typing import TYPE_CHECKING, Any, Final

from perdure.config import is_debugging
from perdure.spi.bridge import Superseded
from perdure.spi.remote.calls import CHANNEL_OPTIONS
from perdure.spi.remote.dispatch import DispatchedStub, Dispatcher
from perdure.spi.remote.sdk_log import sdk_logger
from perdure.spi.remote.sdk_threads import Gauge, QuickShutdown
from perdure_dapr import sdk
from perdure_dapr.connection import TOKEN_HEADER
from perdure_dapr.sdk_executor import SdkActivityExecutor, with_our_executor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from perdure.spi.bridge import Bridge
    from perdure_dapr.address import Address

    OnTurn = Callable[[str, Iterable[Any]], None]

_RUN_LOOP: Final = "WorkerRunLoop"
# What the SDK says with every attempt to connect, several times a second.
_OUTAGE: Final = (
    "Failed to create connection",
    "Connection failed, retrying",
    "Connection error",
    "Stream reader: RPC error",
)
_AWAY: Final = "the sidecar is away; connecting until it is back"
_STOP_SECONDS: Final = 5.0
_ACTIVITIES: Final = 100_000
_TURNS: Final = 1_000
# As many as the SDK has by itself: turns are work for the processor, and threads that are more take
# the interpreter from each other. With 32 of them 200 instances at once take a tenth longer.
_THREADS: Final = (os.cpu_count() or 1) + 4


def _no_matter(instance_id: str, actions: Iterable[Any]) -> None:
    """Take no note of a turn."""


class SdkWorker(sdk.TaskHubGrpcWorker):  # type: ignore[misc]  # the SDK's class is Any here
    """One life of the SDK's worker: started once, stopped once."""

    def __init__(
        self,
        address: Address,
        bridge: Bridge,
        *,
        loop: asyncio.AbstractEventLoop,
        on_turn: OnTurn = _no_matter,
    ) -> None:
        """Make it.

        Args:
            address: The sidecar.
            bridge: What it runs.
            loop: Where activities run.
            on_turn: Told the instance of each turn and the actions that it is answered with, on the
                thread of the turn.
        """
        handler = logging.NullHandler()
        super().__init__(
            host_address=address.target,
            metadata=[(TOKEN_HEADER, address.token)] if address.token else None,
            secure_channel=address.is_secure,
            log_handler=handler,
            channel_options=CHANNEL_OPTIONS,
            stop_timeout=_STOP_SECONDS,
            concurrency_options=sdk.ConcurrencyOptions(
                maximum_concurrent_activity_work_items=_ACTIVITIES,
                maximum_concurrent_orchestration_work_items=_TURNS,
                maximum_thread_pool_workers=_THREADS,
            ),
        )
        self._activity_executor = SdkActivityExecutor(_log())
        self._be_quiet(handler)
        self._registry = _EveryName(bridge, loop)
        self._registry.on_turn = on_turn
        self._shutdown = QuickShutdown(thread_name=_RUN_LOOP)
        self._is_draining = threading.Event()
        self._busy = Gauge()
        manager = self._async_worker_manager
        turns = getattr(manager, "orchestration_thread_pool", manager.thread_pool)  # not in 1.18
        self._dispatcher = Dispatcher(turns=turns, loop=loop)
        manager.submit_orchestration = self._dispatcher.submit_turn
        manager.submit_activity = self._dispatcher.submit_activity

    @property
    def has_ended(self) -> bool:
        """Whether its loop over work items has ended for good."""
        thread = self._runLoop
        return thread is not None and not thread.is_alive()

    def hold_activities(self) -> None:
        """From now on leave activities unanswered that are handed out."""
        self._is_draining.set()

    def wait_until_idle(self, *, seconds: float) -> bool:
        """Return whether the results of all activities were sent; waits for it for so long."""
        return self._busy.wait_for_zero(seconds)

    def stop(self) -> None:
        """Disconnect; what still runs is cancelled. Blocks for a few seconds at most."""
        self._dispatcher.cancel_activities(seconds=_STOP_SECONDS)
        super().stop()
        # What was handed out until the stream was closed.
        self._dispatcher.cancel_activities(seconds=_STOP_SECONDS)
        loop = self._async_worker_manager._queue_event_loop
        if loop is not None and not loop.is_running():
            loop.close()  # the SDK leaves it open

    async def _execute_activity_async(self, *args: Any, **options: Any) -> None:
        if self._is_draining.is_set():
            # The sidecar hands it out again when the stream closes, which cancels this.
            await asyncio.get_running_loop().create_future()
        with self._busy.counting():
            await super()._execute_activity_async(*args, **options)

    def _execute_orchestrator(self, *args: Any, **options: Any) -> None:
        with contextlib.suppress(Superseded):
            _execute_orchestrator(self, *args, **options)

    def _set_connection(self, channel: Any, stub: Any) -> bool:
        # Of 1.19; with 1.18 what is dispatched goes through the SDK's loop.
        connected: bool = super()._set_connection(channel, DispatchedStub(stub, self._dispatch))
        return connected

    def _dispatch(self, item: Any, stream: Any) -> bool:
        kind = item.WhichOneof("request")
        if self._shutdown.is_set() or kind not in ("workflowRequest", "activityRequest"):
            return False
        token = item.completionToken
        if kind == "workflowRequest":
            teardown = self._make_stream_teardown(stream)
            self._dispatcher.submit_turn(
                self._execute_orchestrator, item.workflowRequest, token, teardown
            )
        else:
            request = item.activityRequest
            activity = self._registry.get_activity(request.name)
            self._dispatcher.submit_activity(self._execute_activity_async, activity, request, token)
        return True

    def _be_quiet(self, handler: logging.Handler) -> None:
        # The SDK adds the handler to a logger that Microsoft's SDK uses as well.
        with contextlib.suppress(ValueError):
            self._logger.handlers.remove(handler)
        for owner in (self, self._async_worker_manager, self._activity_executor):
            owner._logger = _log()


def _log() -> logging.Logger:
    return sdk_logger("dapr", outage=_OUTAGE, summary=_AWAY, is_debugging=is_debugging())


_execute_orchestrator: Final = with_our_executor(sdk.TaskHubGrpcWorker._execute_orchestrator)


class _EveryName(sdk.Registry):  # type: ignore[misc]  # as above
    """Has a function for every name; for workflows that the program lacks, one that parks them.

    Attributes:
        on_turn: What is told of turns; the SDK hands its executor nothing else of ours.
    """

    on_turn: OnTurn

    def __init__(self, bridge: Bridge, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._bridge = bridge
        self._loop = loop

    def get_orchestrator(self, name: str, version_name: str | None = None) -> tuple[Any, None]:
        """Return the generator function of a workflow."""
        found = self.orchestrators.get(name)
        if found is None:
            found = self.orchestrators[name] = self._bridge.orchestrator(name)
        return found, None

    def get_activity(self, name: str) -> Callable[..., Any]:
        """Return the coroutine function of an activity."""
        found = self.activities.get(name)
        if found is None:
            found = self.activities[name] = self._bridge.async_activity(name, self._loop)
        return found  # type: ignore[no-any-return]
