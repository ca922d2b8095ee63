"""The Conversation API's answers as the framework has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from agent_framework import ChatResponse, Content, FinishReason, Message, UsageDetails

from perdure_agent_framework.dapr_conversation.errors import DaprAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Components hand on what their model's maker says.
_FINISH_REASONS: Final[Mapping[str, str]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
}
_NO_REASON: Final = frozenset({"", "unknown"})


def to_response(
    answer: Mapping[str, Any],
    *,
    component: str,
    response_format: Any = None,  # Any: as the framework has it
) -> ChatResponse[Any]:
    """Return what the model said.

    All outputs are one message: a request asks for one answer, and components that split it, text
    here and tool calls there, mean one turn.

    Raises:
        DaprAnswerError: It says nothing, or is not of the form that it should have.
    """
    try:
        outputs = list(answer.get("outputs", ()))
        choices = [choice for output in outputs for choice in output.get("choices", ())]
        contents = [content for choice in choices for content in _contents(choice)]
        first = outputs[0] if outputs else {}
        usage = _usage(first.get("usage"))
        reasons = [str(choice.get("finishReason", "")) for choice in choices]
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        problem = f"its form is not that of the Conversation API ({error})"
        raise DaprAnswerError(component=component, problem=problem) from error
    if not choices:
        raise DaprAnswerError(component=component, problem="it has no choices")
    context_id = answer.get("contextId")
    return ChatResponse(
        messages=[Message("assistant", contents)],
        model=first.get("model"),
        finish_reason=_finish_reason(reasons, contents),
        usage_details=usage,
        response_format=response_format,
        # Not as conversation_id, which would tell the framework that history is kept elsewhere.
        additional_properties={"context_id": context_id} if context_id else None,
        raw_representation=answer,
    )


def _contents(choice: Mapping[str, Any]) -> Iterator[Content]:
    message = choice.get("message") or {}
    if text := message.get("content"):
        yield Content.from_text(text)
    for call in message.get("toolCalls", ()):
        function = call["function"]
        # Some models name their calls by nothing, and results must find theirs.
        call_id = call.get("id") or f"call-{uuid4().hex}"
        yield Content.from_function_call(
            call_id, function["name"], arguments=function.get("arguments", "")
        )


def _finish_reason(reasons: list[str], contents: list[Content]) -> FinishReason | None:
    if any(content.type == "function_call" for content in contents):
        return FinishReason("tool_calls")
    said = [_FINISH_REASONS.get(reason, reason) for reason in reasons if reason not in _NO_REASON]
    return FinishReason(said[0]) if said else None


def _usage(usage: Mapping[str, Any] | None) -> UsageDetails | None:
    """Return the tokens used; protobuf writes such numbers as text, and leaves out zeros."""
    if usage is None:
        return None
    details = UsageDetails(
        input_token_count=int(usage.get("promptTokens", 0)),
        output_token_count=int(usage.get("completionTokens", 0)),
        total_token_count=int(usage.get("totalTokens", 0)),
    )
    prompt = usage.get("promptTokensDetails", {})
    if cached := int(prompt.get("cachedTokens", 0)):
        details["cache_read_input_token_count"] = cached
    completion = usage.get("completionTokensDetails", {})
    if reasoning := int(completion.get("reasoningTokens", 0)):
        details["reasoning_output_token_count"] = reasoning
    return details
