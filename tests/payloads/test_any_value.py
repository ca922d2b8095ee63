"""Properties: whatever the type and the value, it comes back the same or is refused."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from perdure.errors import PayloadError
from perdure.payloads import ParameterConverter, ValueConverter
from tests.payloads import models as m

ZONES = st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=-3, minutes=-30))])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
ODD_KEYS = st.text() | st.integers() | st.none() | st.booleans()
OBJECTS: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.sets(st.integers() | st.text(), max_size=3)
        | st.dictionaries(ODD_KEYS, inner, max_size=3)
        | inner.map(m.Box)
    ),
    max_leaves=8,
)


class Typed(NamedTuple):
    """An annotation, and what makes values of it."""

    annotation: Any
    values: st.SearchStrategy[Any]


LEAVES = [
    Typed(str, TEXTS),
    Typed(int, st.integers()),
    Typed(bool, st.booleans()),
    Typed(float, FINITE),
    Typed(bytes, st.binary()),
    Typed(UUID, st.uuids()),
    Typed(Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    Typed(m.Colour, st.sampled_from(m.Colour)),
    Typed(m.Mode, st.sampled_from(m.Mode)),
    Typed(m.Point, st.builds(m.Point, st.integers(), TEXTS)),
    Typed(m.Stay, st.builds(m.Stay, TEXTS, st.integers(), st.binary())),
    Typed(m.Invoice, st.builds(m.Invoice, number=st.integers(), lines=st.lists(TEXTS), raw=JSON)),
    Typed(dt.datetime, st.datetimes(timezones=st.none() | ZONES)),
    Typed(dt.date, st.dates()),
    Typed(dt.time, st.times()),
    Typed(dt.timedelta, st.timedeltas()),
    Typed(Any, JSON),
]
KEYS = [leaf for leaf in LEAVES if leaf.annotation in (str, int, bytes, UUID, dt.date)]


def parametrised(generic: Any, *arguments: Any) -> Any:
    return generic[arguments]


def containers(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    def many(generic: Any, make: Any) -> st.SearchStrategy[Typed]:
        return inner.map(lambda it: Typed(parametrised(generic, it.annotation), make(it.values)))

    keys = st.sampled_from(KEYS)
    pairs = st.tuples(inner, inner).map(
        lambda it: Typed(
            parametrised(tuple, it[0].annotation, it[1].annotation),
            st.tuples(it[0].values, it[1].values),
        )
    )
    mappings = st.tuples(keys, inner).map(
        lambda it: Typed(
            parametrised(dict, it[0].annotation, it[1].annotation),
            st.dictionaries(it[0].values, it[1].values, max_size=3),
        )
    )
    return st.one_of(
        many(list, lambda values: st.lists(values, max_size=3)),
        many(m.Box, lambda values: values.map(m.Box)),
        inner.map(lambda it: Typed(it.annotation | None, st.none() | it.values)),
        keys.map(
            lambda it: Typed(parametrised(set, it.annotation), st.sets(it.values, max_size=3))
        ),
        pairs,
        mappings,
    )


TYPES = st.recursive(st.sampled_from(LEAVES), containers, max_leaves=4)


def same(first: Any, second: Any) -> bool:
    """Return whether two values are of equal types and equal, all the way down."""
    if type(first) is not type(second):
        return False
    if isinstance(first, dict):
        keys = zip(sorted(first, key=repr), sorted(second, key=repr), strict=False)
        return len(first) == len(second) and all(
            same(mine, other) and same(first[mine], second[other]) for mine, other in keys
        )
    if isinstance(first, list | tuple):
        pairs = zip(first, second, strict=False)
        return len(first) == len(second) and all(same(mine, other) for mine, other in pairs)
    if dataclasses.is_dataclass(first):
        return same(vars(first), vars(second))
    return bool(first == second)


@given(st.data())
def test_a_value_of_a_declared_type_comes_back_the_same(data: st.DataObject) -> None:
    typed = data.draw(TYPES)
    value = data.draw(typed.values)
    converter = ValueConverter(typed.annotation, what="value")

    assert same(converter.decode(converter.encode(value)), value)


@given(JSON)
def test_json_values_come_back_the_same_without_a_type(value: Any) -> None:
    converter = ValueConverter(Any, what="value")
    text = converter.encode(value)

    assert same(converter.decode(text), value)
    assert same(json.loads(text), value)


@given(OBJECTS, st.sampled_from([Any, dict[str, Any], list[Any], m.Box[Any], m.Invoice]))
def test_any_object_comes_back_the_same_or_is_refused(value: Any, annotation: Any) -> None:
    sent = value
    if annotation is m.Invoice:
        sent = m.Invoice.model_construct(number=1, lines=[], raw=value)
    converter = ValueConverter(annotation, what="value")
    try:
        text = converter.encode(sent)
    except PayloadError:
        return

    back = converter.decode(text)

    assert same(back.raw, value) if annotation is m.Invoice else same(back, sent)


@given(JSON, JSON)
def test_the_plain_way_and_the_typed_way_agree(value: Any, other: Any) -> None:
    def plain(first: Any, second: Any) -> None: ...
    def typed(first: Any, second: Any, third: bytes = b"") -> None: ...

    bound = {"first": value, "second": other}
    by_plain = ParameterConverter(plain, owner="plain")
    by_typed = ParameterConverter(typed, owner="typed")

    assert same(by_plain.decode(by_typed.encode(bound)), by_typed.decode(by_plain.encode(bound)))


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for annotation in (Any, int, dict[str, Any], m.Stay):
        converter = ValueConverter(annotation, what="value")
        try:
            value = converter.decode(text)
        except PayloadError:
            continue
        assert same(converter.decode(converter.encode(value)), value)
