"""What can be registered, under which name, and what is refused."""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from perdure import (
    ActivityNotRegisteredError,
    DuplicateNameError,
    InvalidNameError,
    Registry,
    RetryPolicy,
    WorkflowNotRegisteredError,
)
from perdure.activity import AsyncActivity, SyncActivity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


async def quote(city: str) -> int:
    return len(city)


def read(path: str) -> str:
    return path


async def trip(city: str) -> int:
    return await quote(city)


class Billing:
    def charge(self, amount: int) -> int:
        return amount

    async def settle(self, amount: int) -> int:
        return amount


def items() -> Iterator[int]:
    yield 1


async def stream() -> AsyncIterator[int]:
    yield 1


def hides(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


def test_decorators_work_with_and_without_parentheses() -> None:
    registry = Registry()

    bare, called = registry.activity(quote), registry.activity()(read)
    bare_workflow = registry.workflow(trip)
    called_workflow = registry.workflow(name="other")(trip)

    assert (bare.name, called.name) == ("quote", "read")
    assert (bare_workflow.name, called_workflow.name) == ("trip", "other")
    assert dict(registry.activities) == {"quote": bare, "read": called}
    assert dict(registry.workflows) == {"trip": bare_workflow, "other": called_workflow}


def test_class_of_an_activity_tells_async_def_from_def() -> None:
    registry = Registry()

    assert isinstance(registry.activity(quote), AsyncActivity)
    assert isinstance(registry.activity(read), SyncActivity)


def test_options_are_kept() -> None:
    policy = RetryPolicy(max_attempts=5)
    made = Registry().activity(
        name="q", retry=policy, timeout=timedelta(minutes=2), delivery="at_most_once"
    )(quote)

    assert made.options.retry == policy
    assert made.options.timeout == timedelta(minutes=2)
    assert made.options.delivery == "at_most_once"


def test_activity_without_options_has_one_attempt_and_no_timeout() -> None:
    options = Registry().activity(quote).options

    assert options.retry.max_attempts == 1
    assert options.timeout is None
    assert options.delivery == "at_least_once"


def test_two_functions_of_one_name_are_refused_with_both_places() -> None:
    registry = Registry()
    registry.activity(quote)

    with pytest.raises(DuplicateNameError) as caught:
        registry.activity(name="quote")(read)

    message = str(caught.value)
    assert f"{__file__}:{quote.__code__.co_firstlineno}" in message
    assert f"{__file__}:{read.__code__.co_firstlineno}" in message
    assert registry.activities["quote"].local is quote


def test_function_made_twice_by_one_factory_is_refused() -> None:
    def make(factor: int) -> Callable[[int], int]:
        def scale(value: int) -> int:
            return factor * value

        return scale

    registry = Registry()
    registry.activity(make(1))

    with pytest.raises(DuplicateNameError, match="'scale'"):
        registry.activity(make(2))


def test_same_function_may_be_registered_again() -> None:
    registry = Registry()

    registry.activity(quote)
    again = registry.activity(timeout=timedelta(seconds=1))(quote)

    assert registry.find_activity("quote") is again


def test_same_function_may_have_two_names() -> None:
    registry = Registry()

    registry.activity(quote)
    registry.activity(name="quote-eu")(quote)

    assert sorted(registry.activities) == ["quote", "quote-eu"]


def test_activity_and_workflow_may_share_a_name() -> None:
    registry = Registry()

    registry.activity(name="trip")(quote)
    registry.workflow(trip)

    assert list(registry.activities) == list(registry.workflows) == ["trip"]


def test_bound_methods_can_be_activities() -> None:
    registry = Registry()
    billing = Billing()

    charge, settle = registry.activity(billing.charge), registry.activity(billing.settle)
    registry.activity(billing.charge)

    assert (charge.name, settle.name) == ("charge", "settle")
    assert charge.local(3) == 3


def test_method_of_another_object_is_a_duplicate() -> None:
    registry = Registry()
    registry.activity(Billing().charge)

    with pytest.raises(DuplicateNameError):
        registry.activity(Billing().charge)


def test_lambda_needs_a_name() -> None:
    registry = Registry()

    with pytest.raises(InvalidNameError, match="<lambda>"):
        registry.activity(lambda: 1)

    assert registry.activity(name="one")(lambda: 1).name == "one"


REFUSED_AS_ACTIVITY: list[tuple[Any, str]] = [
    (items, "generator"),
    (stream, "generator"),
    (Billing, "type type"),
    (Billing.charge, "method without its object"),
    (functools.partial(quote, "x"), "that calls it"),
    (staticmethod(read), "below @staticmethod"),
    (len, "builtin"),
    ("quote", "type str"),
    (7, "type int"),
]


@pytest.mark.parametrize(("function", "problem"), REFUSED_AS_ACTIVITY)
def test_what_cannot_be_an_activity_is_refused(function: Any, problem: str) -> None:
    registry = Registry()

    with pytest.raises(TypeError, match=problem):
        registry.activity(function)

    assert not registry.activities


@pytest.mark.parametrize("function", [read, hides(trip), items, stream, Billing.settle])
def test_what_cannot_be_a_workflow_is_refused(function: Any) -> None:
    registry = Registry()

    with pytest.raises(TypeError, match="cannot be a workflow"):
        registry.workflow(function)

    assert not registry.workflows


def test_plain_def_as_workflow_is_told_to_write_async_def() -> None:
    function: Any = read

    with pytest.raises(TypeError, match="write async def"):
        Registry().workflow(function)


def test_decorating_twice_is_refused() -> None:
    registry = Registry()
    activity: Any = registry.activity(quote)
    workflow: Any = registry.workflow(trip)

    with pytest.raises(TypeError, match="<activity 'quote'> is registered already"):
        registry.workflow(activity)
    with pytest.raises(TypeError, match=r"pass the function, trip\.local"):
        registry.activity(workflow)


BAD_OPTIONS: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"name": 7}, TypeError),
    ({"name": ""}, InvalidNameError),
    ({"retry": 3}, TypeError),
    ({"retry": 0}, TypeError),
    ({"timeout": 30}, TypeError),
    ({"timeout": timedelta()}, ValueError),
    ({"timeout": timedelta(seconds=-1)}, ValueError),
    ({"delivery": "exactly_once"}, ValueError),
    ({"delivery": None}, ValueError),
]


@pytest.mark.parametrize(("options", "error"), BAD_OPTIONS)
def test_unfit_option_of_an_activity_is_refused(
    options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        Registry().activity(**options)(quote)


def test_patches_given_as_one_text_are_refused() -> None:
    with pytest.raises(TypeError, match=r"patches=\('reserve',\)"):
        Registry().workflow(patches="reserve")(trip)


def test_patches_are_kept_in_order_without_repeats() -> None:
    assert Registry().workflow(patches=["b", "a", "b"])(trip).patches == ("b", "a")


def test_patches_from_a_generator_serve_every_function() -> None:
    decorate = Registry().workflow(patches=(name for name in ("a", "b")))

    assert decorate(trip).patches == ("a", "b")
    assert decorate(trip).patches == ("a", "b")


def test_unknown_names_say_what_is_known() -> None:
    registry = Registry()
    registry.activity(quote)

    with pytest.raises(ActivityNotRegisteredError, match="known: quote"):
        registry.find_activity("quotes")
    with pytest.raises(WorkflowNotRegisteredError, match="known: none"):
        registry.find_workflow("trip")
