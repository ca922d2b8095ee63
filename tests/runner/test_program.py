"""The program of a registry: what backends see of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock

import pytest

from perdure import Registry, _built_in
from perdure._program import RegistryProgram
from perdure.errors import ActivityNotRegisteredError, WorkflowNotRegisteredError
from perdure.spi.history import ActivityCompleted, ActivityScheduled, Completed, WorkflowStarted
from tests.runner.attempts import task_of

if TYPE_CHECKING:
    from perdure.spi.program import ActivityOutcome, Program

registry = Registry()


@registry.activity
async def quote(city: str, nights: int = 1) -> dict[str, int]:
    return {city: nights}


@registry.activity
def book(city: str) -> str:
    return f"booked {city}"


@registry.workflow
async def plan(city: str) -> int:
    return sum((await quote(city, nights=2)).values())


STARTED = WorkflowStarted(
    at_us=1, instance_id="i", run_id="r", workflow="plan", arguments='{"city":"Oslo"}', seed="s"
)


async def run(program: Program, name: str, **arguments: Any) -> ActivityOutcome:
    return await program.run_activity(task_of(json.dumps(arguments), name=name))


def test_it_names_what_it_can_run() -> None:
    program: Program = RegistryProgram(registry)

    assert program.workflows == {"plan"} | _built_in.WORKFLOWS
    assert program.activities == {"quote", "book"} | _built_in.ACTIVITIES


def test_what_is_registered_later_belongs_to_it() -> None:
    growing = Registry()
    program = RegistryProgram(growing)

    growing.activity(name="late")(book.local)

    assert program.activities == {"late"} | _built_in.ACTIVITIES


async def test_it_runs_activities_of_both_kinds() -> None:
    program = RegistryProgram(registry)

    assert (await run(program, "quote", city="Oslo")).result == '{"Oslo":1}'
    assert (await run(program, "book", city="Oslo")).result == '"booked Oslo"'
    program.close()


def test_it_makes_executors_and_rebuilds_them() -> None:
    program = RegistryProgram(registry)
    journal = program.executor("plan").deliver(STARTED)
    scheduled = journal[-1]
    assert isinstance(scheduled, ActivityScheduled)
    assert scheduled.arguments == '{"city":"Oslo","nights":2}'

    rebuilt = program.rebuild("plan", journal, strict=True)
    *_, ended = rebuilt.deliver(ActivityCompleted(at_us=2, id=scheduled.id, result='{"Oslo":2}'))

    assert isinstance(ended, Completed)
    assert ended.result == "2"


async def test_unknown_names_are_told() -> None:
    program = RegistryProgram(registry)

    with pytest.raises(WorkflowNotRegisteredError, match="no workflow 'plane'"):
        program.executor("plane")
    with pytest.raises(WorkflowNotRegisteredError, match="no workflow 'plane'"):
        program.rebuild("plane", [])
    with pytest.raises(ActivityNotRegisteredError, match="no activity 'quota'"):
        await run(program, "quota")


async def test_an_override_runs_instead_whatever_its_parameters_are_called() -> None:
    def fake(where: str, how_long: int = 7) -> dict[str, int]:
        return {where: how_long}

    async def fake_booking(anything: str) -> str:
        return anything

    program = RegistryProgram(registry, overrides={quote: fake, "book": fake_booking})

    assert (await run(program, "quote", city="Oslo")).result == '{"Oslo":7}'
    assert (await run(program, "quote", city="Oslo", nights=3)).result == '{"Oslo":3}'
    assert (await run(program, "book", city="Rome")).result == '"Rome"'
    program.close()


async def test_an_override_may_be_a_mock() -> None:
    mock = AsyncMock(return_value={"Oslo": 9})
    program = RegistryProgram(registry, overrides={quote: mock})

    assert (await run(program, "quote", city="Oslo")).result == '{"Oslo":9}'
    mock.assert_awaited_once_with("Oslo")


async def test_the_result_of_an_override_is_checked_as_the_activitys() -> None:
    program = RegistryProgram(registry, overrides={"quote": lambda _city: "cheap"})

    failure = (await run(program, "quote", city="Oslo")).failure

    assert failure is not None
    assert "result of activity 'quote'" in failure.message
    program.close()


async def test_an_activity_may_be_replaced_by_another() -> None:
    program = RegistryProgram(registry, overrides={quote.with_options(timeout=None): book})

    outcome = await run(program, "quote", city="Oslo")

    assert outcome.failure is not None  # its str is no dict
    program.close()


def test_an_override_of_nothing_is_told() -> None:
    with pytest.raises(ActivityNotRegisteredError, match="no activity 'quota'"):
        RegistryProgram(registry, overrides={"quota": book.local})
    with pytest.raises(TypeError, match="override of activity 'quote' is of type dict"):
        RegistryProgram(registry, overrides={"quote": {}})  # type: ignore[dict-item]
