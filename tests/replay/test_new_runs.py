"""Continue-as-new: the end of one run and the beginning of the next."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from perdure.errors import PayloadError
from perdure.spi.history import (
    CANCEL_EVENT,
    BufferedEvent,
    ContinuedAsNew,
    Resumed,
    Suspended,
    Terminated,
)
from tests.replay.stage import START_US, act, event, this

if TYPE_CHECKING:
    from tests.replay.conftest import Begin


def again(arguments: str = '{"n": 2}') -> NoReturn:
    this().continue_as_new(lambda: arguments)


def test_a_run_ends_with_the_arguments_of_the_next(begin: Begin) -> None:
    async def run() -> None:
        await act("a")
        again()

    stage = begin(run).complete("a")

    assert stage.next_run.arguments == '{"n": 2}'
    assert stage.next_run.carried == ()


def test_nothing_that_catches_exceptions_holds_it_back(begin: Begin) -> None:
    async def run() -> None:
        try:
            again()
        except Exception:  # noqa: BLE001 - as agent frameworks do
            return

    assert isinstance(begin(run).executor.outcome, ContinuedAsNew)


def test_it_leaves_the_body_of_a_task_group(begin: Begin) -> None:
    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(act("a"))
            await event("go")
            again()

    assert begin(run).send("go").next_run.arguments == '{"n": 2}'


def test_it_leaves_nested_task_groups_from_a_task(begin: Begin) -> None:
    async def part() -> None:
        await event("go")
        async with asyncio.TaskGroup():
            again()

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(act("a"))
            group.create_task(part())

    assert begin(run).send("go").next_run.arguments == '{"n": 2}'


def test_an_error_beside_it_in_a_group_fails_the_run(begin: Begin) -> None:
    async def part() -> None:
        try:
            await act("a")
        finally:
            raise ValueError("no")

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(part())
            await event("go")
            again()

    assert begin(run).send("go").failure.type == "BaseExceptionGroup"


def test_arguments_that_cannot_be_encoded_fail_the_run(begin: Begin) -> None:
    def encode() -> str:
        raise PayloadError(what="argument", problem="no JSON")

    async def run() -> None:
        this().continue_as_new(encode)

    assert begin(run).failure.matches(PayloadError)


def continues_by_a_timer(begin: Begin) -> Any:
    async def run() -> None:
        await asyncio.sleep(5)
        again()

    return begin(run)


@pytest.mark.parametrize("name", ["go", CANCEL_EVENT])
def test_an_event_that_finds_the_run_just_ended_goes_to_the_next(begin: Begin, name: str) -> None:
    stage = continues_by_a_timer(begin).send("before", 1).send(name, None, after=5)

    assert stage.next_run.carried == (
        BufferedEvent(name="before", payload="1"),
        BufferedEvent(name=name, payload="null"),
    )
    assert stage.new[-1] is stage.next_run
    assert stage.rebuilt().outcome == stage.next_run


def test_an_event_after_the_end_of_a_run_is_not_recorded(begin: Begin) -> None:
    stage = continues_by_a_timer(begin).advance(5)

    assert stage.send("late").new == []
    assert stage.next_run.carried == ()


@pytest.mark.parametrize("kind", [Suspended, Resumed, Terminated])
def test_force_and_holds_come_before_what_is_due(begin: Begin, kind: Any) -> None:
    stage = continues_by_a_timer(begin)

    stage.deliver(kind(at_us=START_US + 9_000_000))

    assert [type(entry) for entry in stage.new] == [kind]
    assert not isinstance(stage.executor.outcome, ContinuedAsNew)
