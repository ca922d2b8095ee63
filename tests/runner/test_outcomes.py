"""Whatever an activity does, its attempt ends in an outcome."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

import pytest

from perdure.errors import PayloadError
from tests.runner.attempts import code_of, task_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure._runner.activities import ActivityRunner
    from perdure.types import Failure


class BrokenStrError(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


class UnpicklableError(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)
        self.trap = lambda: None


def nested() -> BaseException:
    return ExceptionGroup("two", [ValueError("a"), KeyError("b")])


RAISED: list[tuple[Callable[[], BaseException], type[BaseException], str]] = [
    (lambda: ValueError("no such city"), ValueError, "no such city"),
    (lambda: SystemExit(3), SystemExit, "3"),
    (lambda: KeyboardInterrupt(), KeyboardInterrupt, ""),
    (lambda: GeneratorExit(), GeneratorExit, ""),
    (lambda: asyncio.CancelledError("mine"), asyncio.CancelledError, "mine"),
    (lambda: StopIteration(5), Exception, "StopIteration"),
    (lambda: TimeoutError("of the network"), TimeoutError, "of the network"),
    (lambda: UnpicklableError("a", "b"), UnpicklableError, "ab"),
    (nested, ExceptionGroup, "two (2 sub-exceptions)"),
    (lambda: ValueError("\ud800"), ValueError, "\ud800"),
    (lambda: BrokenStrError(), BrokenStrError, ""),
]


async def failure_of(
    runner: ActivityRunner, function: Callable[..., Any], arguments: str = "{}"
) -> Failure:
    outcome = await runner.run(code_of(function), task_of(arguments))
    assert outcome.result is None
    assert outcome.failure is not None
    return outcome.failure


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize(("make", "expected", "message"), RAISED)
async def test_what_an_activity_raises_is_its_failure(
    runner: ActivityRunner,
    kind: str,
    make: Callable[[], BaseException],
    expected: type[BaseException],
    message: str,
) -> None:
    async def on_loop() -> None:
        raise make()

    def in_thread() -> None:
        raise make()

    failure = await failure_of(runner, on_loop if kind == "async" else in_thread)

    assert failure.matches(expected)
    assert message in f"{failure.type}: {failure.message}"


async def test_the_traceback_begins_in_the_activitys_own_code(runner: ActivityRunner) -> None:
    async def act() -> None:
        raise ValueError("here")

    failure = await failure_of(runner, act)

    assert "in act" in failure.traceback
    assert "_attempt_on_loop" not in failure.traceback


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [("{}", "argument 'city' of activity 'act': missing"), ("[", "arguments of activity 'act'")],
)
async def test_arguments_that_do_not_fit_are_a_failure(
    runner: ActivityRunner, arguments: str, problem: str
) -> None:
    async def act(city: str) -> None: ...

    failure = await failure_of(runner, act, arguments)

    assert failure.matches(PayloadError)
    assert failure.message.startswith(problem)


async def test_a_result_that_cannot_be_stored_is_a_failure(runner: ActivityRunner) -> None:
    def act() -> Any:
        return {"when": (1, 2)}

    failure = await failure_of(runner, act)

    assert failure.matches(PayloadError)
    assert failure.message.startswith("result of activity 'act': at when: tuple would")


async def test_a_def_that_hides_an_async_def_is_told(runner: ActivityRunner) -> None:
    async def hidden() -> None: ...

    @functools.wraps(hidden)
    def act() -> Any:
        return hidden()

    failure = await failure_of(runner, act)

    assert failure.matches(TypeError)
    assert "a decorator hides an async def" in failure.message


@pytest.mark.parametrize("result", ["null", "0", "false", '""', "[]", "{}"])
async def test_every_falsy_result_is_a_result(runner: ActivityRunner, result: str) -> None:
    async def act(value: Any) -> Any:
        return value

    outcome = await runner.run(code_of(act), task_of(f'{{"value":{result}}}'))

    assert (outcome.result, outcome.failure) == (result, None)
