"""Calling activities outside workflows: checked at once, run as plain code."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from perdure import Call, InvalidNameError, Registry, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

registry = Registry()
language: contextvars.ContextVar[str] = contextvars.ContextVar("language", default="none")


@registry.activity
async def quote(city: str, *, nights: int = 1) -> int:
    """Quote a city."""
    return len(city) * nights


@registry.activity(timeout=timedelta(seconds=5), retry=RetryPolicy(max_attempts=4))
def read(path: str) -> tuple[str, int, str]:
    return path, threading.get_ident(), language.get()


def hides(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


def test_async_activity_just_runs() -> None:
    assert asyncio.run(quote("Oslo", nights=2)) == 8


def test_plain_activity_runs_in_a_thread_with_the_callers_context() -> None:
    async def main() -> tuple[str, int, str]:
        language.set("no")
        return await read("a.txt")

    path, thread, seen = asyncio.run(main())

    assert (path, seen) == ("a.txt", "no")
    assert thread != threading.get_ident()


def test_call_gives_a_coroutine_that_tasks_and_groups_take() -> None:
    async def main() -> list[object]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(quote("Rome")), asyncio.create_task(quote("Bonn"))]
        return [*(task.result() for task in tasks), *await asyncio.gather(quote("Ulm"), read("x"))]

    assert asyncio.run(main())[:3] == [4, 4, 3]


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {}), (("a", 2), {}), (("a",), {"days": 1}), ((), {"nights": 1}), (("a",), {"city": "b"})],
)
def test_unfit_arguments_are_refused_at_the_call(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match="quote"):
        _ = quote(*args, **kwargs)
    with pytest.raises(TypeError, match="quote"):
        quote.bind(*args, **kwargs)


def test_what_is_no_json_passes_outside_a_workflow() -> None:
    lock = threading.Lock()

    @Registry().activity
    def same(value: object) -> object:
        return value

    assert asyncio.run(same(lock)) is lock


def test_error_of_the_function_comes_through_as_it_is() -> None:
    @Registry().activity
    def fails() -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        asyncio.run(fails())


def test_stop_iteration_in_a_thread_does_not_hang() -> None:
    @Registry().activity
    def exhausted() -> int:
        return next(iter([]))

    with pytest.raises(RuntimeError, match="'exhausted' raised StopIteration"):
        asyncio.run(exhausted())


def test_decorator_that_hides_an_async_def_is_reported() -> None:
    async def real(city: str) -> int:
        return len(city)

    hidden = Registry().activity(hides(real))

    with pytest.raises(TypeError, match="make the decorator's wrapper async def"):
        asyncio.run(hidden("Oslo"))


def test_forgotten_await_names_the_activity() -> None:
    with pytest.warns(RuntimeWarning, match="coroutine 'quote' was never awaited"):
        quote("Oslo")  # type: ignore[unused-coroutine]


def test_local_is_the_function_as_written() -> None:
    assert asyncio.run(quote.local("Oslo")) == 4
    assert read.local("x")[1] == threading.get_ident()


def test_looks_like_the_function() -> None:
    assert quote.__name__ == "quote"
    assert quote.__doc__ == "Quote a city."
    assert quote.__module__ == __name__
    assert str(inspect.signature(quote)) == "(city: 'str', *, nights: 'int' = 1) -> 'int'"
    assert repr(quote) == "<activity 'quote'>"


def test_attributes_of_the_function_replace_nothing() -> None:
    async def odd() -> int:
        return 1

    odd.name = odd.options = odd.code = "mine"  # type: ignore[attr-defined]
    made = Registry().activity(odd)

    assert made.name == "odd"
    assert asyncio.run(made()) == 1


def test_with_options_changes_only_what_is_given() -> None:
    changed = read.with_options(delivery="at_most_once")

    assert type(changed) is type(read)
    assert changed.options.delivery == "at_most_once"
    assert changed.options.timeout == timedelta(seconds=5)
    assert changed.options.retry.max_attempts == 4
    assert (changed.name, changed.local) == ("read", read.local)
    assert read.options.delivery == "at_least_once"


def test_with_options_can_take_a_timeout_away() -> None:
    assert read.with_options(timeout=None).options.timeout is None


def test_with_options_shares_the_converters() -> None:
    assert read.with_options(timeout=None).code is read.code


def test_with_another_name_registers_nothing() -> None:
    other = read.with_options(name="read-eu")

    assert other.name == "read-eu"
    assert sorted(registry.activities) == ["quote", "read"]
    assert registry.activities["read"] is read


BAD: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"name": "a b"}, InvalidNameError),
    ({"timeout": 3}, TypeError),
    ({"timeout": timedelta()}, ValueError),
    ({"retry": 2}, TypeError),
    ({"delivery": "never"}, ValueError),
    ({"attempts": 2}, TypeError),
]


@pytest.mark.parametrize(("options", "error"), BAD)
def test_with_unfit_options_is_refused(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        quote.with_options(**options)


def test_bound_call_can_be_awaited_again_and_again() -> None:
    call: Call[int] = quote.bind("Oslo", nights=3)

    async def main() -> list[int]:
        return [await call, await call]

    assert call.arguments == {"city": "Oslo", "nights": 3}
    assert asyncio.run(main()) == [12, 12]


def test_parameters_may_have_the_names_of_ours() -> None:
    @Registry().activity
    async def odd(self: int, args: int, name: int) -> int:
        return self + args + name

    assert asyncio.run(odd(self=1, args=2, name=3)) == 6
    assert asyncio.run(_await(odd.bind(self=1, args=2, name=3))) == 6


def test_bound_call_encodes_its_arguments_by_name() -> None:
    assert quote.bind("Oslo", nights=3).encode() == '{"city":"Oslo","nights":3}'


async def _await(call: Call[int]) -> int:
    return await call
