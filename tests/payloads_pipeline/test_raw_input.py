"""Plain JSON that another vendor's client has put in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

import perdure
from perdure.payloads import ParameterConverter


@dataclass
class Trip:
    cities: list[str]


def _one(trip: Trip) -> None: ...
def _any(value: Any) -> None: ...
def _two(a: int, b: int) -> None: ...
def _none(limit: int = 3) -> None: ...


@pytest.mark.parametrize(
    ("function", "text", "positional"),
    [
        (_one, '{"cities":["Oslo"]}', (Trip(["Oslo"]),)),
        (_one, '{"trip":{"cities":["Oslo"]}}', (Trip(["Oslo"]),)),
        (_any, "[1,2]", ([1, 2],)),
        (_any, '{"else":1}', ({"else": 1},)),
        (_any, '{"value":1}', (1,)),
        (_any, "0", (0,)),
        (_any, "null", (None,)),
        (_none, "null", ()),
        (_none, "5", (5,)),
        (_two, '{"a":1,"b":2}', (1, 2)),
    ],
)
def test_it_is_taken_as_what_it_can_only_mean(function: Any, text: str, positional: Any) -> None:
    assert ParameterConverter(function, owner="workflow 'w'").decode(text) == (positional, {})


@pytest.mark.parametrize(
    ("function", "text", "problem"),
    [
        (_one, '{"cities":[1]}', "argument 'trip'"),
        (_one, '"Oslo"', "argument 'trip'"),
        (_one, '{"trip":', "arguments of workflow 'w'"),
        (_two, "[1,2]", "arguments of workflow 'w'"),
        (_two, '{"a":1}', "argument 'b'"),
    ],
)
def test_what_does_not_fit_says_where(function: Any, text: str, problem: str) -> None:
    with pytest.raises(perdure.PayloadError, match=problem):
        ParameterConverter(function, owner="workflow 'w'").decode(text)
