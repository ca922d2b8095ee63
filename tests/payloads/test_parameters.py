"""Arguments: bound by name as Python does it, stored as one object, passed as they were given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

import pytest
from typing_extensions import TypedDict

from perdure.errors import PayloadError
from perdure.payloads import ParameterConverter

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal as OnlyForCheckers


class Extras(TypedDict, total=False):
    colour: str
    size: int


@dataclass
class Photo:
    data: bytes


class Agency:
    def book(self, city: str, nights: int = 1) -> Any:
        return (city, nights)


def simple(city: str, nights: int = 3) -> Any:
    return (city, nights)


def untyped(thing, other=1):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    return (thing, other)


def everything(
    first: int, /, second: str = "x", *rest: int, photo: Photo, ratio: float = 1.0, **more: bytes
) -> Any:
    return (first, second, rest, photo, ratio, more)


def positional_only(a: int = 1, b: int = 2, /, *rest: int) -> Any:
    return (a, b, rest)


def unpacked(**extras: Unpack[Extras]) -> Any:
    return extras


def unresolvable(price: OnlyForCheckers) -> Any:
    return price


def two_photos(first: Photo, second: Photo) -> Any:
    return (first, second)


def unknown_type(number: int, stream: Agency) -> Any:
    return (number, stream)


def converter(function: Callable[..., Any]) -> ParameterConverter:
    return ParameterConverter(function, owner="activity 'act'")


CALLS: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], str]] = [
    (simple, ("Oslo",), {}, '{"city":"Oslo"}'),
    (simple, ("Oslo", 3), {}, '{"city":"Oslo","nights":3}'),
    (simple, (), {"nights": 2, "city": "Oslo"}, '{"city":"Oslo","nights":2}'),
    (Agency().book, ("Oslo",), {}, '{"city":"Oslo"}'),
    (untyped, ({"a": [None]},), {}, '{"thing":{"a":[null]}}'),
    (everything, (1,), {"photo": Photo(b"\xff")}, '{"first":1,"photo":{"data":"_w=="}}'),
    (
        everything,
        (1, "y", 2, 3),
        {"photo": Photo(b""), "ratio": 2.5, "first": b"1", "rest": b"2"},
        (
            '{"first":1,"second":"y","rest":[2,3],"photo":{"data":""},"ratio":2.5,'
            '"more":{"first":"MQ==","rest":"Mg=="}}'
        ),
    ),
    (positional_only, (), {}, "{}"),
    (positional_only, (5,), {}, '{"a":5}'),
    (positional_only, (5, 6, 7), {}, '{"a":5,"b":6,"rest":[7]}'),
    (unpacked, (), {"colour": "red"}, '{"extras":{"colour":"red"}}'),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "text"), CALLS)
def test_a_call_is_stored_by_name_and_made_as_it_was_written(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], text: str
) -> None:
    parameters = converter(function)

    stored = parameters.encode(parameters.bind(args, kwargs))
    positional, keywords = parameters.decode(stored)

    assert stored == text
    assert function(*positional, **keywords) == function(*args, **kwargs)


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, r"simple\(\) missing a required argument: 'city'"),
        (("a", 1, 2), {}, r"simple\(\) too many positional arguments"),
        (("a",), {"towns": 1}, r"simple\(\) got an unexpected keyword argument 'towns'"),
        (("a",), {"city": "b"}, r"simple\(\) multiple values for argument 'city'"),
    ],
)
def test_arguments_that_do_not_fit_raise_as_in_python(
    args: tuple[Any, ...], kwargs: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        converter(simple).bind(args, kwargs)


@pytest.mark.parametrize(
    ("function", "args", "what", "problem"),
    [
        (simple, (1,), "argument 'city' of activity 'act'", "valid string, got int"),
        (simple, ("a", "x"), "argument 'nights' of activity 'act'", "valid integer, got str"),
        (untyped, ((1,),), "argument 'thing' of activity 'act'", "tuple would come back as list"),
        (two_photos, (Photo(b""), Photo("x")), "argument 'second' of activity 'act'", "at data:"),  # type: ignore[arg-type]
        (unknown_type, (1, 2), "argument 'stream' of activity 'act'", "its type cannot be stored"),
        (unresolvable, (1,), "activity 'act'", "names 'OnlyForCheckers', which cannot be found"),
    ],
)
def test_an_argument_that_cannot_be_stored_is_named(
    function: Callable[..., Any], args: tuple[Any, ...], what: str, problem: str
) -> None:
    parameters = converter(function)

    with pytest.raises(PayloadError) as refused:
        parameters.encode(parameters.bind(args, {}))

    assert refused.value.what == what
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("text", "what", "problem"),
    [
        ("{}", "argument 'city' of activity 'act'", "missing"),
        ('{"city":"a","town":"b"}', "argument 'town' of activity 'act'", "no such parameter"),
        ('{"city":1,"nights":"x"}', "argument 'city' of activity 'act'", "got int; and 1 more"),
        ("[1]", "arguments of activity 'act'", "Input should be an object, got list"),
        ("{", "arguments of activity 'act'", "invalid JSON"),
    ],
)
def test_stored_arguments_that_do_not_fit_are_named(text: str, what: str, problem: str) -> None:
    with pytest.raises(PayloadError) as refused:
        converter(simple).decode(text)

    assert refused.value.what == what
    assert problem in str(refused.value)


def test_the_order_of_stored_arguments_does_not_matter() -> None:
    assert converter(simple).decode('{"nights":2,"city":"Oslo"}') == (("Oslo", 2), {})


def test_fields_that_a_stored_object_has_too_many_are_passed_over() -> None:
    (photo, _), _ = converter(two_photos).decode(
        '{"first":{"data":"YQ==","since_removed":1},"second":{"data":""}}'
    )

    assert photo == Photo(b"a")


def test_a_gap_before_a_positional_argument_is_filled_with_the_default() -> None:
    args, kwargs = converter(positional_only).decode('{"rest":[9]}')

    assert positional_only(*args, **kwargs) == (1, 2, (9,))
