"""Typed events: a name, a type, and waits with a durable deadline."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

import perdure
from perdure import EventType, InvalidNameError, NotInWorkflowError, PayloadError, Registry
from tests.api.driving import Run


@dataclass(frozen=True)
class Decision:
    ok: bool
    by: str = "nobody"


approval = perdure.event_type("approval", Decision)
registry = Registry()


@registry.workflow
async def ask() -> str:
    decision = await approval.wait()
    return f"{decision.ok} {decision.by}"


@registry.workflow
async def ask_until() -> str:
    try:
        decision = await approval.wait(timeout=timedelta(days=2))
    except TimeoutError:
        return "late"
    return decision.by


@registry.workflow
async def poll() -> list[str]:
    seen = []
    for _ in range(2):
        try:
            decision = await approval.wait(timeout=timedelta())
        except TimeoutError:
            seen.append("none")
            await asyncio.sleep(10)
        else:
            seen.append(decision.by)
    return seen


def test_payload_arrives_as_its_declared_type() -> None:
    run = Run(ask)

    run.raise_event("approval", '{"ok": true, "by": "Ada"}')

    assert run.result == '"True Ada"'
    assert run.rebuild().outcome == run.executor.outcome


def test_event_that_came_first_is_taken_first() -> None:
    @Registry().workflow
    async def both() -> list[str]:
        await asyncio.sleep(60)
        return [(await approval.wait()).by, (await approval.wait()).by]

    run = Run(both)
    run.raise_event("approval", '{"ok": true, "by": "Ada"}')
    run.raise_event("approval", '{"ok": true, "by": "Bob"}')
    run.advance(60)

    assert run.result == '["Ada","Bob"]'


def test_wait_ends_at_its_deadline() -> None:
    run = Run(ask_until)

    run.advance(2 * 24 * 3600)

    assert run.result == '"late"'


def test_event_before_the_deadline_wins() -> None:
    run = Run(ask_until)

    run.raise_event("approval", '{"ok": false, "by": "Ada"}')
    run.advance(3 * 24 * 3600)

    assert run.result == '"Ada"'


def test_zero_timeout_takes_only_what_is_there() -> None:
    run = Run(poll)

    run.raise_event("approval", '{"ok": true, "by": "Ada"}')
    run.advance(10)

    assert run.result == '["none","Ada"]'


def test_wait_that_timed_out_consumes_nothing() -> None:
    @Registry().workflow
    async def patient() -> str:
        try:
            await approval.wait(timeout=timedelta(seconds=5))
        except TimeoutError:
            return (await approval.wait()).by
        return "early"

    run = Run(patient)
    run.advance(5)
    run.raise_event("approval", '{"ok": true, "by": "Ada"}')

    assert run.result == '"Ada"'


def test_payload_of_another_type_fails_the_wait_and_names_the_event() -> None:
    run = Run(ask)

    run.raise_event("approval", '{"ok": "perhaps"}')

    assert run.failure.type == "perdure.errors.PayloadError"
    assert "event 'approval'" in run.failure.message


def test_untyped_wait_gives_json_as_it_is() -> None:
    @Registry().workflow
    async def anything() -> list[Any]:
        return [await perdure.wait_for_event("any") for _ in range(6)]

    run = Run(anything)
    payloads = ["null", "0", "false", '""', "[]", '{"a":[1,{}]}']
    for payload in payloads:
        run.raise_event("any", payload)

    assert run.result == f"[{','.join(payloads)}]"


def test_wait_by_name_and_type_is_the_same() -> None:
    @Registry().workflow
    async def by_name() -> bool:
        decision = await perdure.wait_for_event("approval", Decision, timeout=timedelta(days=1))
        return decision.ok

    run = Run(by_name)
    run.raise_event("approval", '{"ok": true}')

    assert run.result == "true"


def test_types_that_are_no_classes_are_checked_too() -> None:
    limit: EventType[int | None] = perdure.event_type("limit", int | None)

    assert limit.decode("null") is None
    assert limit.decode("3") == 3
    with pytest.raises(PayloadError, match="event 'limit'"):
        limit.decode('"many"')


def test_value_of_another_type_is_not_raised() -> None:
    wrong: Any = {"ok": True}

    assert approval.encode(Decision(ok=True)) == '{"ok":true,"by":"nobody"}'
    with pytest.raises(PayloadError, match="event 'approval'"):
        approval.encode(wrong)


@pytest.mark.parametrize("name", ["", "Approval", "a/b", "x" * 65, "perdure.cancel", "a\n"])
def test_unfit_name_is_refused_at_once(name: str) -> None:
    with pytest.raises(InvalidNameError):
        perdure.event_type(name, Decision)
    with pytest.raises(InvalidNameError):
        _ = perdure.wait_for_event(name)


@pytest.mark.parametrize(
    ("timeout", "error"), [(5, TypeError), ("1s", TypeError), (timedelta(seconds=-1), ValueError)]
)
def test_unfit_timeout_is_refused_at_once(timeout: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="timeout"):
        _ = approval.wait(timeout=timeout)


def test_waiting_outside_a_workflow_is_refused_at_once() -> None:
    with pytest.raises(NotInWorkflowError, match="event 'approval'"):
        _ = approval.wait()
    with pytest.raises(NotInWorkflowError):
        _ = perdure.wait_for_event("approval", Decision)


def test_wait_is_a_coroutine_that_a_task_takes() -> None:
    @Registry().workflow
    async def race() -> str:
        waits = {asyncio.create_task(perdure.wait_for_event(name, str)) for name in ("a", "b")}
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        return done.pop().result()

    run = Run(race)
    run.raise_event("b", '"second"')

    assert run.result == '"second"'
