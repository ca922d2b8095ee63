"""Answers: what a worker tells the scheduler of work items, until it has it.

The SDK tells it once. What the scheduler does not take then, since it is throttled or away, would
stay with this worker until its stream breaks.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from perdure.errors import (
    InstanceNotFoundError,
    PayloadTooLargeError,
    PerdureError,
)
from perdure.spi.remote.attempts import ClosedError, NoAnswerError, pause_before_attempt
from perdure_azure import faults, sdk
from perdure_azure.faults import StaleItemError, TakenError, ThrottledError
from perdure_azure.refused_turns import ends_of_children, failed_turn, word_to_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from perdure.spi.remote.sdk_threads import Gauge
    from perdure_azure.connection import Connection
    from perdure_azure.first_attempts import FirstAttempts

    Send = Callable[..., Coroutine[Any, Any, None]]

_logger = logging.getLogger(__name__)

_ATTEMPT_SECONDS: Final = 15.0
_PATIENCE_SECONDS: Final = 120.0
_GIVE_UP_SECONDS: Final = 2.0
_LONGEST_PAUSE_SECONDS: Final = 30.0


class Answers:
    """Delivers answers.

    Args:
        connection: The worker's own.
        loop: That of the connection.
        unsent: Counts what was not delivered yet.
        first: Sends answers a first time, more quickly; without it they go by the loop at once.
    """

    def __init__(
        self,
        connection: Connection,
        loop: asyncio.AbstractEventLoop,
        unsent: Gauge,
        *,
        first: FirstAttempts | None = None,
    ) -> None:
        self._connection = connection
        self._loop = loop
        self._unsent = unsent
        self._first = first
        self._is_closed = False
        self._sending: set[asyncio.Task[None]] = set()

    def complete_turn(self, answer: Any, request: Any) -> None:
        """Answer a turn. Returns at once; from any thread."""
        send = partial(self._complete_turn, answer, request)
        if not self._is_first_begun("CompleteOrchestratorTask", answer, send):
            self._begin(send)

    def abandon_turn(self, token: str) -> None:
        """Give a turn up; it comes again, here or at another worker. From any thread."""
        given_up = sdk.pb.AbandonOrchestrationTaskRequest(completionToken=token)
        self._begin_uncounted(self._give_up, "AbandonTaskOrchestratorWorkItem", given_up)

    def abandon_activity(self, token: str) -> None:
        """Give an activity up that was not begun; it comes again, here or elsewhere."""
        given_up = sdk.pb.AbandonActivityTaskRequest(completionToken=token)
        self._begin_uncounted(self._give_up, "AbandonTaskActivityWorkItem", given_up)

    def abandon_entity(self, token: str) -> None:
        """Give operations of an entity up. From any thread."""
        given_up = sdk.pb.AbandonEntityTaskRequest(completionToken=token)
        self._begin_uncounted(self._give_up, "AbandonTaskEntityWorkItem", given_up)

    async def complete_activity(self, answer: Any) -> None:
        """Answer an activity; one that is too large becomes its failure."""
        send = partial(self._complete_activity, answer)
        if not self._is_first_begun("CompleteActivityTask", answer, send):
            await send()

    async def close(self) -> None:
        """Give up what is still on its way."""
        self._is_closed = True
        sending = tuple(self._sending)
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)

    def _is_first_begun(self, method: str, answer: Any, send: Send) -> bool:
        """Send an answer a first time, and go on by ``send`` if it is not taken."""
        if self._first is None or self._is_closed:
            return False

        def end(error: Exception | None) -> None:
            try:
                if error is not None:
                    self._go_on(error, answer, send)
            finally:
                self._unsent.end()

        # Counted until what comes after it is counted.
        self._unsent.begin()
        is_begun = self._first.send(method, answer, seconds=_ATTEMPT_SECONDS, end=end)
        if not is_begun:
            self._unsent.end()
        return is_begun

    def _go_on(self, error: Exception, answer: Any, send: Send) -> None:
        extra = {"instance_id": answer.instanceId}
        if isinstance(error, StaleItemError | InstanceNotFoundError):
            _logger.debug("an answer came too late: %s", error, extra=extra)
            return
        _logger.debug("an answer is sent again: %s", error, extra=extra)
        self._begin(self._after_pause, error, send)

    async def _after_pause(self, error: Exception, send: Send) -> None:
        seconds = self._connection.seconds_until_repeat(error, repeats=0, elapsed_seconds=0)
        await asyncio.sleep(seconds or 0)
        await send()

    async def _complete_activity(self, answer: Any) -> None:
        try:
            await self._send("CompleteActivityTask", answer, answer.instanceId)
        except PayloadTooLargeError as error:
            answer.ClearField("result")
            answer.failureDetails.CopyFrom(sdk.helpers.new_failure_details(error))
            await self._send("CompleteActivityTask", answer, answer.instanceId)

    def _begin(self, send: Send, *args: Any) -> None:
        # Counted from now on, so that no drain ends in between.
        counting = contextlib.ExitStack()
        counting.enter_context(self._unsent.counting())
        try:
            self._loop.call_soon_threadsafe(self._run, send, args, counting)
        except RuntimeError:  # the loop is closed
            counting.close()

    def _begin_uncounted(self, send: Send, *args: Any) -> None:
        # No drain has to wait for what is given up: it comes again once the stream closes.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._run, send, args, contextlib.ExitStack())

    def _run(self, send: Send, args: tuple[Any, ...], counting: contextlib.ExitStack) -> None:
        if self._is_closed:
            counting.close()
            return
        task = self._loop.create_task(send(*args))
        self._sending.add(task)

        def end(task: asyncio.Task[None]) -> None:
            self._sending.discard(task)
            counting.close()
            if not task.cancelled() and (error := task.exception()) is not None:
                is_closed = isinstance(error, ClosedError)
                level = logging.DEBUG if is_closed else logging.ERROR
                _logger.log(level, "an answer was not sent: %r", error)

        task.add_done_callback(end)

    async def _complete_turn(self, answer: Any, request: Any) -> None:
        try:
            await self._send("CompleteOrchestratorTask", answer, answer.instanceId)
        except PayloadTooLargeError as error:
            # Refused for good, and tried again with each turn: better an end that says why.
            extra = {"instance_id": answer.instanceId}
            _logger.error(
                "an instance is ended, for what it asks is too large: %s", error, extra=extra
            )
            word = word_to_parent(request, error)
            if word is not None:
                await self._send("RaiseEvent", word, word.instanceId)
            for end in ends_of_children(request, answer.instanceId):
                await self._send("TerminateInstance", end, end.instanceId)
            failed = failed_turn(answer, error)
            await self._send("CompleteOrchestratorTask", failed, answer.instanceId)

    async def _give_up(self, method: str, request: Any) -> None:
        # At once it would come again at once.
        await asyncio.sleep(_GIVE_UP_SECONDS)
        await self._send(method, request, "")

    async def _send(self, method: str, answer: Any, instance_id: str) -> None:
        """Send until the scheduler has it, or says that the item is somebody else's by now.

        It hands an item out again only once the stream breaks on which it came, and a scheduler may
        be deaf for a while without that.
        """
        extra = {"instance_id": instance_id}
        for number in itertools.count(1):
            try:
                await self._connection.call(
                    method,
                    answer,
                    action=faults.ANSWERING,
                    seconds=_ATTEMPT_SECONDS,
                    patience_seconds=_PATIENCE_SECONDS,
                )
            except (StaleItemError, InstanceNotFoundError):
                _logger.debug("an answer came too late: %s", method, extra=extra)
            except (ClosedError, PayloadTooLargeError):
                raise
            except (NoAnswerError, ThrottledError) as error:
                _logger.debug("an answer is sent again: %s", error, extra=extra)
                await pause_before_attempt(number)
                continue
            except (PerdureError, TakenError) as error:
                # A scheduler in trouble may answer anything, and nobody else has the item.
                _logger.warning("an answer is not taken: %s", error, extra=extra)
                await asyncio.sleep(min(number, _LONGEST_PAUSE_SECONDS))
                continue
            return


class TurnStub:
    """What the SDK's worker is given as the scheduler's stub while it executes a turn."""

    def __init__(self, answers: Answers, request: Any) -> None:
        self._answers = answers
        self._request = request

    def CompleteOrchestratorTask(self, answer: Any) -> None:
        """Answer it."""
        self._answers.complete_turn(answer, self._request)

    def AbandonTaskOrchestratorWorkItem(self, request: Any) -> None:
        """Give it up."""
        self._answers.abandon_turn(request.completionToken)
