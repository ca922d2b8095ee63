"""Activities awaited in a workflow: commands by name, typed results, lazy in a replay."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel, field_serializer

from perdure import ActivityError, Registry, RetryPolicy
from perdure.spi.history import ActivityScheduled
from tests.api.driving import Run

registry = Registry()


@dataclass(frozen=True)
class Quote:
    city: str
    price: int


class Order(BaseModel):
    quotes: list[Quote]
    note: str | None = None


@registry.activity(
    timeout=timedelta(seconds=90), retry=RetryPolicy(max_attempts=2), delivery="at_most_once"
)
async def quote(city: str, nights: int = 1) -> Quote:
    raise AssertionError("a workflow never runs it itself")


@registry.activity
def save(order: Order) -> None:
    raise AssertionError("a workflow never runs it itself")


@registry.workflow
async def book(cities: list[str]) -> Order:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(quote(city)) for city in cities]
    order = Order(quotes=[task.result() for task in tasks])
    await save(order)
    return order


def test_calls_become_commands_and_results_their_declared_types() -> None:
    run = Run(book, '{"cities": ["Oslo", "Rome"]}')

    run.complete(2, '{"city": "Rome", "price": 7}')
    run.complete(1, '{"city": "Oslo", "price": 9}')
    run.complete(3, "null")

    scheduled = run.commands(ActivityScheduled)
    first = '{"quotes":[{"city":"Oslo","price":9},{"city":"Rome","price":7}],"note":null}'
    assert [(it.name, it.arguments) for it in scheduled] == [
        ("quote", '{"city":"Oslo"}'),
        ("quote", '{"city":"Rome"}'),
        ("save", f'{{"order":{first}}}'),
    ]
    assert run.result == first


def test_options_travel_with_the_command() -> None:
    run = Run(book, '{"cities": ["Oslo"]}')

    (scheduled,) = run.commands(ActivityScheduled)

    assert scheduled.timeout_us == 90_000_000
    assert scheduled.delivery == "at_most_once"


def test_rebuilt_run_comes_to_the_same() -> None:
    run = Run(book, '{"cities": ["Oslo"]}')
    run.complete(1, '{"city": "Oslo", "price": 9}')
    run.complete(2, "null")

    assert run.rebuild().outcome == run.executor.outcome


def test_options_given_at_the_call_win() -> None:
    @Registry().workflow
    async def hurry() -> str:
        late = quote.with_options(
            name="quote-eu", timeout=timedelta(seconds=1), delivery="at_least_once"
        )
        return (await late("Oslo", 2)).city

    run = Run(hurry)
    run.complete(1, '{"city": "Bergen", "price": 1}')

    (scheduled,) = run.commands(ActivityScheduled)
    assert (scheduled.name, scheduled.timeout_us) == ("quote-eu", 1_000_000)
    assert scheduled.arguments == '{"city":"Oslo","nights":2}'
    assert run.result == '"Bergen"'


def test_bound_call_is_durable_too() -> None:
    @Registry().workflow
    async def twice() -> int:
        call = quote.bind("Oslo")
        return (await call).price + (await call).price

    run = Run(twice)
    run.complete(1, '{"city": "Oslo", "price": 1}')
    run.complete(2, '{"city": "Oslo", "price": 2}')

    assert run.result == "3"


def test_unfit_argument_fails_the_workflow_and_names_it() -> None:
    @Registry().workflow
    async def wrong() -> None:
        await quote(b"Oslo")  # type: ignore[arg-type]

    failure = Run(wrong).failure

    assert failure.type == "perdure.errors.PayloadError"
    assert "argument 'city' of activity 'quote'" in failure.message


def test_missing_argument_is_a_type_error_in_the_workflow() -> None:
    @Registry().workflow
    async def wrong() -> None:
        await quote()  # type: ignore[call-arg]

    run = Run(wrong)

    assert run.failure.type == "TypeError"
    assert not run.commands(ActivityScheduled)


def test_result_of_another_type_is_refused_by_name() -> None:
    run = Run(book, '{"cities": ["Oslo"]}')

    run.complete(1, '{"city": "Oslo", "price": "much"}')

    assert "result of activity 'quote'" in _all_messages(run)


def test_failure_reaches_the_workflow_as_activity_error() -> None:
    @Registry().workflow
    async def careful() -> str:
        try:
            await quote.with_options(retry=RetryPolicy.none())("Oslo")
        except ActivityError as error:
            return f"{error.activity} {error.failure.type} {error.matches(LookupError)}"
        return "fine"

    run = Run(careful)
    run.fail(1, KeyError("gone"))

    assert run.result == '"quote KeyError True"'


def test_arguments_are_not_written_again_in_a_replay() -> None:
    written: list[str] = []

    class Loud(BaseModel):
        text: str

        @field_serializer("text")
        def note(self, text: str) -> str:
            written.append(text)
            return text

    async def shout(loud: Loud) -> None: ...

    shout.__annotations__["loud"] = Loud
    activity = Registry().activity(shout)

    @Registry().workflow
    async def shouting() -> None:
        await activity(Loud(text="hey"))

    run = Run(shouting)
    assert written
    written.clear()
    run.rebuild(strict=False)

    assert written == []


def _all_messages(run: Run) -> str:
    # A TaskGroup wraps what its tasks raise.
    return f"{run.failure.message} {run.failure.traceback}"
