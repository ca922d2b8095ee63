"""Answers: what a worker tells the scheduler of work items, until it has it.

The SDK tells it once. What the scheduler does not take then, since it is throttled or away, would
stay with this worker until its stream breaks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final

from perdure.errors import (
    BackendUnavailableError,
    InstanceNotFoundError,
    PayloadTooLargeError,
    PerdureError,
)
from perdure.spi.remote.attempts import ClosedError
from perdure_azure import sdk
from perdure_azure.faults import StaleItemError

if TYPE_CHECKING:
    from perdure.spi.remote.sdk_threads import Gauge
    from perdure_azure.connection import Connection

_logger = logging.getLogger(__name__)

# Longer than a scheduler is away for an upgrade. If its stream breaks, the item comes anyway.
_PATIENCE_SECONDS: Final = 120.0
_GIVE_UP_SECONDS: Final = 2.0


class Answers:
    """Delivers answers. The stub that the SDK's worker is given for those of turns.

    Args:
        connection: The worker's own.
        loop: That of the connection.
        unsent: Counts what was not delivered yet.
    """

    def __init__(
        self, connection: Connection, loop: asyncio.AbstractEventLoop, unsent: Gauge
    ) -> None:
        self._connection = connection
        self._loop = loop
        self._unsent = unsent
        self._sending: set[asyncio.Task[None]] = set()

    def CompleteOrchestratorTask(self, answer: Any) -> None:
        """Answer a turn. Returns at once; from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._begin, answer)

    def AbandonTaskOrchestratorWorkItem(self, request: Any) -> None:
        """Give a turn up; it comes again, here or at another worker. From any thread."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._begin, request)

    async def complete_activity(self, answer: Any) -> None:
        """Answer an activity; one that is too large becomes its failure."""
        try:
            await self._send("CompleteActivityTask", answer, answer.instanceId)
        except PayloadTooLargeError as error:
            answer.ClearField("result")
            answer.failureDetails.CopyFrom(sdk.helpers.new_failure_details(error))
            await self._send("CompleteActivityTask", answer, answer.instanceId)

    async def close(self) -> None:
        """Give up what is still on its way."""
        sending = tuple(self._sending)
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)

    def _begin(self, answer: Any) -> None:
        is_given_up = isinstance(answer, sdk.pb.AbandonOrchestrationTaskRequest)
        work = self._give_up(answer) if is_given_up else self._complete_turn(answer)
        task = self._loop.create_task(work)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _complete_turn(self, answer: Any) -> None:
        with self._unsent.counting():
            try:
                await self._send("CompleteOrchestratorTask", answer, answer.instanceId)
            except PayloadTooLargeError as error:
                # Refused for good, and tried again with each turn: better an end that says why.
                del answer.actions[:]
                answer.ClearField("customStatus")
                details = sdk.helpers.new_failure_details(error)
                answer.actions.append(
                    sdk.helpers.new_complete_orchestration_action(
                        -1, sdk.pb.ORCHESTRATION_STATUS_FAILED, None, details
                    )
                )
                await self._send("CompleteOrchestratorTask", answer, answer.instanceId)

    async def _give_up(self, request: Any) -> None:
        # At once it would come again at once.
        await asyncio.sleep(_GIVE_UP_SECONDS)
        await self._send("AbandonTaskOrchestratorWorkItem", request, "")

    async def _send(self, method: str, answer: Any, instance_id: str) -> None:
        extra = {"instance_id": instance_id}
        try:
            await self._connection.call(
                method, answer, action="take an answer", patience_seconds=_PATIENCE_SECONDS
            )
        except (StaleItemError, InstanceNotFoundError):
            _logger.debug("an answer came too late: %s", method, extra=extra)
        except (ClosedError, PayloadTooLargeError):
            raise
        except (BackendUnavailableError, PerdureError) as error:
            # The scheduler hands the item out again.
            _logger.warning("an answer was not taken: %s", error, extra=extra)
