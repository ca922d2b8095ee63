"""Arguments of all kinds, as tools get them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal  # noqa: TC003 - read by the framework
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID  # noqa: TC003 - read by the framework

from agent_framework import Agent, FunctionInvocationContext
from pydantic import BaseModel, BeforeValidator

from agent_kit.scenarios import Scenario, Setup
from perdure.testing.scripted_model import when

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from agent_kit.ways import Compare

TELL = when().says("told: {result}")


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Item(BaseModel):
    name: str
    sizes: set[Size]


async def test_arguments_have_the_types_that_the_tool_declares(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        def order(
            at: datetime,
            day: date,
            price: Decimal,
            number: UUID,
            items: list[Item],
            pair: tuple[int, str],
            how: Literal["fast", "slow"] = "slow",
            note: str | None = "none given",
        ) -> str:
            """Order."""
            kinds = [type(it).__name__ for it in (at, day, price, number, items, pair, how, note)]
            setup.recording.tool_called("order", kinds=kinds, at=at.isoformat(), price=str(price))
            return f"{kinds} {items} {pair} {note}"

        agent = Agent(setup.client(), name="a", tools=[order])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    when_it_is = datetime(2026, 3, 4, 5, 6, 7, 890, tzinfo=UTC)
    call = when(tool_results=0).calls(
        "order",
        at=when_it_is.isoformat(),
        day="2026-03-04",
        price="10.50",
        number="12345678-1234-5678-1234-567812345678",
        items=[{"name": "tea", "sizes": ["s"]}],
        pair=[1, "one"],
        note=None,
    )
    played = await compare(build, call, TELL)
    assert "'datetime', 'date', 'Decimal', 'UUID', 'list', 'tuple'" in played.outcome["text"]


async def test_a_check_that_changes_arguments_changes_them_once(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        def shout(word: Annotated[str, BeforeValidator(lambda word: f"{word}!")]) -> str:
            """Shout."""
            setup.recording.tool_called("shout", word=word)
            return word

        agent = Agent(setup.client(), name="a", tools=[shout])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    played = await compare(build, when(tool_results=0).calls("shout", word="oh"), TELL)
    assert played.outcome["text"] == "told: oh!"


async def test_arguments_that_middleware_changes_are_checked_and_used(compare: Compare) -> None:
    async def tomorrow(
        context: FunctionInvocationContext, call_next: Callable[[], Awaitable[None]]
    ) -> None:
        arguments: Any = context.arguments
        context.arguments = {"day": arguments["day"].replace(day=5)}
        await call_next()

    def build(setup: Setup) -> Scenario:
        def book(day: date) -> str:
            """Book."""
            setup.recording.tool_called("book", day=day.isoformat())
            return f"booked {day:%d}"

        agent = Agent(setup.client(), name="a", tools=[book], middleware=[tomorrow])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    played = await compare(build, when(tool_results=0).calls("book", day="2026-03-04"), TELL)
    assert played.outcome["text"] == "told: booked 05"
