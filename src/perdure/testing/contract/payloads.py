"""Payloads: every value comes back as it was, through every way there is."""

from __future__ import annotations

import enum
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure import Registry
from perdure.testing.contract.contract import Contract

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()

_FALSY: tuple[Any, ...] = (None, 0, 0.0, False, "", [], {})
_TRICKY: tuple[Any, ...] = (
    "ünïcødé 漢字 🜛",
    "a NUL \0 and a tab \t and a line\nend",
    '{"looks": "like JSON"}',
    "null",
    " ",
    2**53 + 1,
    -(2**63),
    1e300,
    0.1,
    True,
    [None, 0, False, "", [], {}],
    {"": "", "a.b": 1, "ä": None, "nested": {"list": [[[]], {"x": [{}]}]}},
    "x" * 20_000,
)


class Colour(enum.Enum):
    """A user's enum."""

    RED = "red"
    GREEN = "green"


@dataclass(frozen=True)
class Order:
    """A user's own type, with a bit of everything."""

    number: uuid.UUID
    at: datetime
    day: date
    lasts: timedelta
    price: Decimal
    colour: Colour
    image: bytes
    notes: dict[str, list[int | None]]
    parent: Order | None = None


@registry.activity(name="payloads_echo")
async def echo(value: Any) -> Any:
    """Return what it is given."""
    return value


@registry.activity(name="payloads_echo_order")
async def echo_order(order: Order) -> Order:
    """Return what it is given."""
    assert isinstance(order, Order)
    return order


@registry.workflow(name="payloads_child")
async def child(value: Any) -> Any:
    """Return what it is given."""
    return value


@registry.workflow(name="payloads_travel")
async def travel(value: Any, again: bool = True) -> list[Any]:
    """Send a value through all ways, and return what came out of each."""
    if again:
        perdure.continue_as_new(value, False)
    perdure.set_custom_status(value)
    heard = await perdure.wait_for_event("value", Any)
    return [value, heard, await echo(value), await child(value)]


@registry.workflow(name="payloads_typed")
async def typed(order: Order) -> Order:
    """Send a typed value through all ways."""
    assert isinstance(order, Order)
    heard = await perdure.wait_for_event("order", Order)
    assert heard == order
    return await echo_order(heard)


@registry.workflow(name="payloads_defaults")
async def defaults(a: int = 1, *, b: str = "b", c: int | None = 3) -> list[Any]:
    """Return the arguments."""
    return [a, b, c]


def _order() -> Order:
    inner = Order(
        number=uuid.UUID(int=1),
        at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        day=date(2026, 1, 2),
        lasts=timedelta(days=1, microseconds=1),
        price=Decimal("12.50"),
        colour=Colour.GREEN,
        image=bytes(range(256)),
        notes={"a": [1, None, 0], "": []},
    )
    return Order(**{**vars(inner), "parent": inner, "image": b""})


def _label(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) < 30 else f"{text[:27]}..."


class Payloads(Contract):
    """What JSON and types promise."""

    registry = registry

    @pytest.mark.parametrize("value", [*_FALSY, *_TRICKY], ids=_label)
    def test_a_value_comes_back_as_it_was_through_every_way(
        self, backend_hub: BackendHub, value: Any
    ) -> None:
        handle = backend_hub.start(travel, value)
        backend_hub.until_shows(handle, value)
        handle.raise_event("value", value)
        came = backend_hub.result(handle)
        # As JSON, because 0 == False == 0.0 to Python, and they are not the same to a user.
        assert [json.dumps(each) for each in came] == [json.dumps(value)] * 4

    def test_typed_values_come_back_as_their_types(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(typed, _order())
        handle.raise_event(perdure.event_type("order", Order), _order())
        result = backend_hub.result(handle)
        assert isinstance(result, Order)
        assert result == _order()
        assert str(result.price) == "12.50"

    def test_arguments_left_out_take_their_defaults(self, backend_hub: BackendHub) -> None:
        assert backend_hub.result(backend_hub.start(defaults)) == [1, "b", 3]
        given = backend_hub.start(defaults.bind(0, b="", c=None))
        assert backend_hub.result(given) == [0, "", None]

    def test_a_workflow_started_by_name_takes_arguments_by_name(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start("payloads_defaults", arguments={"c": None, "a": 0})
        assert backend_hub.result(handle) == [0, "b", None]

    def test_a_value_that_json_would_change_is_refused_before_any_call(
        self, backend_hub: BackendHub
    ) -> None:
        for value in ((1, 2), {1, 2}, float("nan"), {1: 2}, object()):
            with pytest.raises(perdure.PayloadError):
                backend_hub.start(travel, value)
