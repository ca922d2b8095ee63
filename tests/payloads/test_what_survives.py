"""What is converted to JSON and back is the same value, of the same type."""

from __future__ import annotations

import collections
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal, Never
from zoneinfo import ZoneInfo

import pytest

from perdure.payloads import ValueConverter
from tests.payloads import models as m

ANY: Any = Any
KEY = uuid.UUID("9d9f5c1e-0b7e-4d8c-9a38-3c9d42f7b3a5")
FALSY: list[Any] = [None, False, 0, 0.0, "", [], {}]
PLAIN: list[tuple[Any, Any]] = [
    (ANY, {"a": [1, "x", None, True, 1.5], "b": {}}),
    (str, "NUL \x00, line \u2028, emoji \U0001f600, é"),
    (int, 10**4_000),
    (float, -1e308),
    (float | None, None),
    (None, None),
    (list[dict[str, int | None]], [{"a": 1, "b": None}]),
    (list, [[]]),
    (dict, {"": 0}),
    (object, "x"),
]
TYPED: list[tuple[Any, Any]] = [
    (bytes, b"\x00\xff"),
    (tuple[int, str], (1, "a")),
    (tuple[int, ...], (1, 2)),
    (set[int], {1, 2}),  # of numbers, whose order is the same in every process
    (Annotated[int, ["no hash"]], 5),
    (list[Annotated[str, {}]], ["a"]),
    (frozenset[int], frozenset({1})),
    (dict[int, str], {1: "a"}),
    (dict[uuid.UUID, bytes], {KEY: b"\xff"}),
    (Sequence[int], [1]),
    (Mapping[str, int], {"a": 1}),
    (collections.deque[int], collections.deque([1, 2])),
    (collections.Counter[str], collections.Counter("aab")),
    (int | str, "5"),
    (datetime | str, "2024-01-01"),
    (datetime | str, datetime(2024, 1, 1, tzinfo=UTC)),
    (Literal["a", 1], 1),
    (Decimal, Decimal("1.10")),
    (Fraction, Fraction(1, 3)),
    (complex, 1 + 2j),
    (uuid.UUID, KEY),
    (Path, Path("/tmp")),
    (IPv4Address, IPv4Address("10.0.0.1")),
    (ZoneInfo, ZoneInfo("Europe/Oslo")),
    (date, date(1, 1, 1)),
    (time, time(1, 2, 3, 4)),
    (timedelta, timedelta(days=-1, microseconds=1)),
    (timedelta, timedelta.max),
    (datetime, datetime.max),  # noqa: DTZ901 - one without a time zone on purpose
    (datetime, datetime(2024, 1, 1, 0, 0, 0, 5, tzinfo=timezone(timedelta(hours=-3.5)))),
    (m.Colour, m.Colour.RED),
    (m.Colour, m.Colour.BLUE),
    (m.Level, m.Level.LOW),
    (m.Mode, m.Mode.FAST),
    (m.Access, m.Access.READ | m.Access.WRITE),
    (m.Stay, m.Stay("Oslo", photo=b"\xff")),
    (m.Trip, m.Trip(stays=[m.Stay("Oslo")], budget=1.5, notes={"a": [None]})),
    (m.Node, m.Node([m.Node([])])),
    (m.Box[bytes], m.Box(b"\xff")),
    (m.Point, m.Point(1, "a")),
    (m.Options, {"key": b"\xff", "limit": 1}),
    (m.Invoice, m.Invoice(number=1, lines=["x"], raw={"a": [1]})),
    (m.Wrapper[int], m.Wrapper[int](value=1)),
    (m.Open, m.Open(name="a", more=[1])),  # type: ignore[call-arg]  # extra="allow"
    (m.Aliased, m.Aliased(itemCount=3)),
    (m.Stay | m.Invoice, m.Invoice(number=2)),
    (m.Stay | m.LongStay, m.LongStay("Rome", reason="work")),
]


def round_trip(annotation: Any, value: object) -> object:
    converter = ValueConverter(annotation, what="value")
    return converter.decode(converter.encode(value))


def same_type(first: object, second: object) -> bool:
    return type(first) is type(second)


@pytest.mark.parametrize("value", FALSY, ids=repr)
@pytest.mark.parametrize("annotation", [Any, object, int | float | bool | str | list | dict | None])
def test_a_falsy_value_stays_itself(annotation: Any, value: object) -> None:
    back = round_trip(annotation, value)

    assert back == value
    assert same_type(back, value)


@pytest.mark.parametrize(("annotation", "value"), PLAIN + TYPED)
def test_a_value_comes_back_as_it_was(annotation: Any, value: object) -> None:
    back = round_trip(annotation, value)

    assert back == value
    assert same_type(back, value)


def test_an_int_may_stand_for_a_float() -> None:
    back = round_trip(float, 3)

    assert back == 3
    assert isinstance(back, float)


def test_an_object_that_defines_no_equality_survives() -> None:
    back = round_trip(m.Unequal, m.Unequal(7))

    assert isinstance(back, m.Unequal)
    assert back.number == 7


def test_the_instant_and_the_offset_of_a_time_survive_but_not_the_name_of_the_zone() -> None:
    summer = datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("Europe/Oslo"))

    back = round_trip(datetime, summer)

    assert isinstance(back, datetime)
    assert (back, back.utcoffset()) == (summer, timedelta(hours=2))


def test_what_a_model_excludes_from_json_is_left_out() -> None:
    assert round_trip(m.Aliased, m.Aliased(itemCount=1, secret=5)) == m.Aliased(itemCount=1)


@pytest.mark.parametrize("text", ['{"itemCount":3}', '{"count":3}'])
def test_a_model_is_read_by_its_aliases_and_by_its_names(text: str) -> None:
    assert ValueConverter(m.Aliased, what="value").decode(text) == m.Aliased(itemCount=3)


def test_what_never_returns_may_say_so() -> None:
    async def forever() -> Never:
        raise NotImplementedError

    assert ValueConverter.of_result(forever, owner="workflow 'forever'").encode(None) == "null"


def test_the_json_is_compact_and_keeps_unicode_readable() -> None:
    assert ValueConverter(Any, what="value").encode({"a": ["é", 1]}) == '{"a":["é",1]}'
