"""Which rule replies to a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure.testing.scripted_model.replies import Answer, Fail, Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perdure.testing.scripted_model.conversation import ModelRequest
    from perdure.testing.scripted_model.transcript import Latency, Rule, Transcript


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to do with a request.

    Attributes:
        rule: The name of the rule that replies: of the fault, if there is one.
        answer: ``None`` if the fault leaves no room for one.
        fault_key: Under which the fault is counted.
    """

    rule: str
    latency: Latency
    answer: Answer | None = None
    fault: Fault | None = None
    fault_key: str = ""


def choose(
    transcript: Transcript, request: ModelRequest, *, faults: Mapping[str, int]
) -> Choice | None:
    """Return the reply of the first rule that matches, or ``None`` if none does.

    Args:
        transcript: The rules.
        request: What is asked.
        faults: How many times each fault happened.
    """
    fault: Choice | None = None
    for name, rule in zip(transcript.names, transcript.rules, strict=True):
        if not rule.when.matches(request):
            continue
        latency = rule.latency or transcript.latency
        if isinstance(rule.reply, Answer):
            return _with_answer(fault, Choice(rule=name, latency=latency, answer=rule.reply))
        key = _fault_key(name, rule, request)
        if fault is not None or (rule.times is not None and faults.get(key, 0) >= rule.times):
            continue
        fault = Choice(rule=name, latency=latency, fault=rule.reply, fault_key=key)
        if not _is_within_answer(rule.reply):
            return fault
    return None


def _with_answer(fault: Choice | None, answer: Choice) -> Choice:
    if fault is None:
        return answer
    return Choice(
        rule=fault.rule,
        latency=answer.latency,
        answer=answer.answer,
        fault=fault.fault,
        fault_key=fault.fault_key,
    )


def _is_within_answer(fault: Fault) -> bool:
    return not isinstance(fault, Fail) and fault.after_chunks is not None


def _fault_key(name: str, rule: Rule, request: ModelRequest) -> str:
    return f"{name} {request.digest}" if rule.per_request else name
