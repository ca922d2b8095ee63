"""What JSON would change, or a type does not allow, raises and says where."""

from __future__ import annotations

import collections
import math
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import Field

from perdure.errors import PayloadError, PayloadTooLargeError
from perdure.payloads import ValueConverter
from tests.payloads import models as m

LOOP: list[Any] = []
LOOP.append(LOOP)
DEEP: list[Any] = []
for _ in range(300):
    DEEP = [DEEP]

CHANGED_BY_JSON: list[tuple[Any, Any, str]] = [
    (Any, (1,), "tuple would come back as list"),
    (Any, {1}, "set would come back as list"),
    (Any, {"a": {"b": (1,)}}, "at a.b: tuple would"),
    (Any, {1: 2}, "key 1: int would come back as str"),
    (Any, {1: 2, "1": 3}, "key 1"),
    (Any, math.nan, "JSON has no nan"),
    (Any, [math.inf], "at [0]: JSON has no inf"),
    (Any, {"a": b"x"}, "at a: bytes would come back as str"),
    (Any, [m.Stay("Oslo")], "at [0]: Stay would come back as dict"),
    (Any, m.Mode.FAST, "Mode would come back as str"),
    (Any, collections.OrderedDict(a=1), "OrderedDict would come back as dict"),
    (Any, uuid.UUID(int=1), "UUID would come back as str"),
    (object, (1,), "tuple would"),
    (list, [(1,)], "at [0]: tuple would"),
    (dict[str, Any], {"a": [{"b": {1}}]}, "at a[0].b: set would"),
    (list[Any], [(1,)], "at [0]: tuple would"),
    (m.Trip, m.Trip(stays=[], notes={"x": (1,)}), "at notes.x: tuple would"),
    (m.Invoice, m.Invoice(raw=math.nan), "at raw: JSON has no nan"),
    (m.Open, m.Open(more=(1,)), "at more: tuple would"),  # type: ignore[call-arg]  # extra="allow"
    (m.Trip, m.Trip(stays=[], budget=math.nan), "at budget: JSON has no nan"),
    (str, m.Mode.FAST, "Mode would come back as str"),
    (m.Stay, m.LongStay("Oslo"), "LongStay would come back as Stay"),
    (list[m.Invoice], [m.PaidInvoice()], "at [0]: PaidInvoice would come back as Invoice"),
    (m.Options, {"limit": 1, "other": 2}, "key 'other' would be lost"),
    (m.Login, m.Login(password="x"), "at password: this SecretStr would"),  # type: ignore[arg-type]
    (m.Tidy, m.Tidy.model_construct(text=" a "), "at text: this str would"),
    (m.WithInitVar, m.WithInitVar(1, 2), "at extra: missing"),
    (uuid.UUID | str, str(uuid.UUID(int=1)), "str would come back as UUID"),
    (collections.deque[int], collections.deque([1], maxlen=3), "maxlen"),
    (Iterable[int], [1], "list would come back as"),
    (set[int], {True}, "bool would come back as int"),
    (float, 2**53 + 1, "int would come back as float"),
]
WRONG_TYPES: list[tuple[Any, Any, str]] = [
    (str, 5, "valid string, got int"),
    (int, "5", "str would come back as int"),
    (int, True, "bool would come back as int"),
    (int, 1.0, "float would come back as int"),
    (bool, 1, "int would come back as bool"),
    (bytes, "a", "Input should be bytes, got str"),
    (Decimal, 1, "int would come back as Decimal"),
    (Decimal, Decimal("NaN"), "finite"),
    (list[int], (1,), "tuple would come back as list"),
    (list[int], [1, "x"], "at [1]: Input should be a valid integer, got str"),
    (m.Stay, {"city": "Oslo"}, "dict would come back as Stay"),
    (m.Trip, m.Trip(stays=[m.Stay(city=5)]), "at stays[0].city: "),  # type: ignore[arg-type]
    (m.Colour, 1, "int would come back as Colour"),
    (None, 5, "got int"),
    (Annotated[int, Field(gt=3)], 1, "greater than 3"),
]
NOT_JSON: list[tuple[Any, Any, str]] = [
    (Any, {"a": "\ud800"}, "at a: this str cannot be stored"),
    (str, "\udfff", "surrogates not allowed"),
    (Any, [10**5_000], "at [0]: this int cannot be stored"),
    (Any, {"a": [object()]}, "at a[0]: this object cannot be stored"),
    (Any, LOOP, "contains itself"),
    (Any, DEEP, "too deep"),
    (m.Blob, m.Blob(data=b"\xff"), "utf-8"),
    (Callable, print, "cannot be stored"),
    (m.Foreign, m.Foreign(), "its type cannot be stored"),
    (list[m.Foreign], [], "its type cannot be stored"),
]


@pytest.mark.parametrize(
    ("annotation", "value", "problem"), CHANGED_BY_JSON + WRONG_TYPES + NOT_JSON
)
def test_a_value_that_would_change_is_refused(annotation: Any, value: Any, problem: str) -> None:
    converter = ValueConverter(annotation, what="result of activity 'quote'")

    with pytest.raises(PayloadError) as refused:
        converter.encode(value)

    assert str(refused.value).startswith("result of activity 'quote': ")
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("annotation", "text", "problem"),
    [
        (int, '"x"', "Input should be a valid integer, got str"),
        (m.Trip, '{"stays":[{"city":"Oslo"},{"nights":2}]}', "at stays[1].city: missing"),
        (
            m.Trip,
            '{"stays":1,"budget":"x"}',
            "at stays: Input should be a valid array, got int; at",
        ),
        (m.Colour, "7", "Input should be 1 or 'b', got int"),
        (datetime, '"yesterday"', "valid datetime"),
        (Any, "{", "invalid JSON"),
        (Any, "", "invalid JSON"),
        (Any, '{"a":[NaN]}', "no NaN and no Infinity"),
        (m.Trip, '{"stays":[],"budget":-Infinity}', "no NaN and no Infinity"),
        (str, '"\\ud800"', "invalid JSON"),
        (dict[str, int], '{"odd key":"x"}', "at ['odd key']: "),
    ],
)
def test_json_that_does_not_fit_its_type_is_refused(
    annotation: Any, text: str, problem: str
) -> None:
    converter = ValueConverter(annotation, what="event 'approval'")

    with pytest.raises(PayloadError) as refused:
        converter.decode(text)

    assert str(refused.value).startswith("event 'approval': ")
    assert problem in str(refused.value)


@pytest.mark.parametrize("annotation", [Any, m.Box[str]])
def test_a_value_over_the_limit_is_refused(
    annotation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.payloads._json.MAX_PAYLOAD_BYTES", 100)
    text = "é" * 60
    value: Any = text if annotation is Any else m.Box(text)

    with pytest.raises(PayloadTooLargeError, match=r"1[23]\d bytes, and the limit is 100"):
        ValueConverter(annotation, what="value").encode(value)


def test_the_values_of_a_payload_are_not_in_the_message() -> None:
    with pytest.raises(PayloadError) as refused:
        ValueConverter(m.Stay, what="value").decode('{"city":12345}')

    assert "12345" not in str(refused.value)
