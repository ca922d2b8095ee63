"""Model calls as a workflow makes them: an activity per attempt, retried by what went wrong."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import perdure
from perdure import ActivityError
from perdure.framework import call_activity, is_replaying, run_state
from perdure_agent_framework.conversion import response_from_json
from perdure_agent_framework.errors import ModelCallError
from perdure_agent_framework.models.circuits import Circuits
from perdure_agent_framework.models.errors import ModelFailure
from perdure_agent_framework.models.requests import fallback_keys, keywords_to_json, sent
from perdure_agent_framework.models.retries import Attempts
from perdure_agent_framework.models.transcripts import StoredTranscript, transcript_memory
from perdure_agent_framework.tools.pinned import pin_tools

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent_framework import ChatResponse, Message

    from perdure_agent_framework.conversion import Json
    from perdure_agent_framework.policies import ModelPolicy
    from perdure_agent_framework.scope import RunScope

MODEL_ACTIVITY = "agent.model"

_logger = logging.getLogger(__name__)
_call_numbers = partial(count, 1)  # of the model calls of a run


@dataclass(frozen=True, kw_only=True)
class ModelCall:
    """One call of a model, as the framework makes it.

    Attributes:
        model: The key of the chat client.
        messages: What is sent.
        options: The chat options.
        keywords: What else the client is given.
        scope: The run that the call is part of.
    """

    model: str
    messages: Sequence[Message]
    options: Mapping[str, Any]
    keywords: Mapping[str, Any]
    scope: RunScope


async def answer(call: ModelCall) -> ChatResponse[Any]:
    """Return the model's answer, or that of a fallback.

    Raises:
        BudgetExceededError: The run may call no more models.
        ModelCallError: There is none.
        NotDurableError: Something of the call cannot be stored.
    """
    call.scope.spending.begin_model_call()
    return await _Answering(call).answer()


class _Answering:
    """The attempts of one call."""

    def __init__(self, call: ModelCall) -> None:
        self._call = call
        self._number = next(run_state(_call_numbers))
        self._attempt = 0

    async def answer(self) -> ChatResponse[Any]:
        policy = self._call.scope.catalogue.policies.of_model(self._call.model)
        circuits = run_state(Circuits)
        models = circuits.in_order([self._call.model, *fallback_keys(self._call.model, policy)])
        for place, model in enumerate(models):
            has_fallback = place < len(models) - 1
            attempts = Attempts(
                policy=policy,
                limit=_limit(policy, has_fallback, is_in_doubt=circuits.is_in_doubt(model)),
                has_fallback=has_fallback,
                began_at=perdure.now(),
            )
            outcome = await self._of_model(model, attempts)
            if not isinstance(outcome, ModelFailure):
                circuits.answered(model)
                return outcome
            circuits.give_up(model)
            _warn("model %s is given up for %s: %s", model, models[place + 1], outcome.kind)
        raise AssertionError("the last model has no fallback, so it answers or raises")

    async def _of_model(self, model: str, attempts: Attempts) -> ChatResponse[Any] | ModelFailure:
        """Return the answer of one model, or why the next one is to be called.

        Raises:
            BudgetExceededError: The run's time is used up.
            ModelCallError: No other model would do better.
        """
        spending = self._call.scope.spending
        number = 0
        while True:
            spending.check_time()
            number += 1
            self._attempt += 1
            outcome = await self._tried(model, attempts.policy)
            if not isinstance(outcome, ModelFailure):
                return outcome
            wait = attempts.wait_after(number, outcome)
            if wait is None and attempts.may_fall_back(outcome):
                return outcome
            if wait is None:
                raise ModelCallError(
                    model=model,
                    kind=outcome.kind,
                    detail=outcome.detail,
                    attempts=self._attempt,
                    status_code=outcome.status_code,
                )
            left = spending.time_left()
            if wait >= left and attempts.may_fall_back(outcome):
                return outcome
            _warn("model %s did not answer (%s), again in %s", model, outcome.kind, wait)
            await asyncio.sleep(min(wait, left).total_seconds())

    async def _tried(self, model: str, policy: ModelPolicy) -> ChatResponse[Any] | ModelFailure:
        """Return what one attempt gave."""
        call, memory = self._call, transcript_memory()
        conversation = "/".join(call.scope.path) or call.model
        try:
            outcome = await self._activity(model, policy, conversation)
            if "resend" in outcome:
                memory.forget(conversation)
                outcome = await self._activity(model, policy, conversation=None)
        except ActivityError as err:
            return ModelFailure.from_activity(err)
        if "failure" in outcome:
            return ModelFailure.from_json(outcome["failure"])
        if outcome["transcript"] is not None:
            memory.remember(conversation, StoredTranscript(**outcome["transcript"]))
        response = response_from_json(
            outcome["response"], response_format=call.options.get("response_format")
        )
        call.scope.spending.record(response.usage_details, model=model)
        if isinstance(tools := call.options.get("tools"), list):
            pin_tools(tools, outcome["called"], call.scope)
        return response

    async def _activity(self, model: str, policy: ModelPolicy, conversation: str | None) -> Any:
        """Make an attempt; without ``conversation`` everything is sent."""
        # The worker counts the timeout itself: a wait for a rate limit is not part of it.
        seconds = None if policy.timeout is None else policy.timeout.total_seconds()

        def request() -> Json:
            call = self._call
            return {
                "model": model,
                "agent": call.scope.agent,
                "call": self._number,
                "attempt": self._attempt,
                "stream_id": call.scope.stream_id,
                "timeout_seconds": seconds,
                "keywords": keywords_to_json(call.keywords),
                "transcript": sent(
                    call.messages,
                    call.options,
                    conversation=conversation,
                    is_fallback=model != call.model,
                ),
            }

        return await call_activity(MODEL_ACTIVITY, lambda: {"request": request()})


def _limit(policy: ModelPolicy, has_fallback: bool, *, is_in_doubt: bool) -> int:
    if not has_fallback:
        return policy.retry.max_attempts
    if is_in_doubt:
        return 1
    return min(policy.retry.max_attempts, policy.fallback_after or policy.retry.max_attempts)


def _warn(message: str, *values: object) -> None:
    if not is_replaying():
        _logger.warning(message, *values)
