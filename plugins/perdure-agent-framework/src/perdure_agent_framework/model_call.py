"""Model calls as a workflow makes them: an activity per attempt, retried by what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent_framework import ChatResponse, Message

from perdure.framework import call_activity
from perdure_agent_framework.conversion import (
    Json,
    message_to_json,
    options_to_json,
    response_from_json,
)
from perdure_agent_framework.errors import ModelCallError

if TYPE_CHECKING:
    from perdure_agent_framework.scope import RunScope

MODEL_ACTIVITY = "agent.model"


@dataclass(frozen=True, kw_only=True)
class ModelCall:
    """One call of a model, as the framework makes it.

    Attributes:
        model: The key of the chat client.
        messages: What is sent.
        options: The chat options.
        keywords: What else the client is given.
        scope: The run that the call is part of.
        is_streamed: Whether the caller wants pieces as they come.
    """

    model: str
    messages: Sequence[Message]
    options: Mapping[str, Any]
    keywords: Mapping[str, Any]
    scope: RunScope
    is_streamed: bool


async def answer(call: ModelCall) -> ChatResponse[Any]:
    """Return the model's answer.

    Raises:
        BudgetExceededError: The run may call no more models.
        ModelCallError: There is none.
    """
    call.scope.spending.begin_model_call()
    policy = call.scope.catalogue.policies.of_model(call.model)
    outcome = await call_activity(
        MODEL_ACTIVITY, lambda: {"request": _request(call)}, timeout=policy.timeout
    )
    if "failure" in outcome:
        failure = outcome["failure"]
        raise ModelCallError(
            model=call.model,
            kind=failure["kind"],
            detail=failure["detail"],
            attempts=1,
            status_code=failure.get("status_code"),
        )
    response = response_from_json(
        outcome["response"], response_format=call.options.get("response_format")
    )
    call.scope.spending.record(response.usage_details)
    return response


def _request(call: ModelCall) -> Json:
    return {
        "model": call.model,
        "agent": call.scope.agent,
        "stream_id": call.scope.stream_id,
        "messages": [message_to_json(message) for message in call.messages],
        "options": options_to_json(call.options),
    }
