"""What tools give and raise, durable as in a plain run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import (
    SKIP_PARSING,
    Agent,
    Content,
    FunctionInvocationContext,
    MiddlewareFailure,
    MiddlewareTermination,
    tool,
)
from agent_framework.exceptions import ToolException, UserInputRequiredException

from agent_kit.scenarios import Scenario, Setup
from perdure.testing.scripted_model import when

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from agent_kit.ways import Compare

CALL = when(tool_results=0).calls("work", number=1)
TELL = when().says("told: {result}")


def scenario_with(
    setup: Setup, work: Any, *, middleware: Any = None, **configuration: Any
) -> Scenario:
    client = setup.client(function_invocation_configuration=configuration)
    agent = Agent(client, name="a", tools=[work], middleware=middleware)
    return Scenario(agents=(agent,), run=lambda: agent.run("go"))


def work_that(setup: Setup, act: Callable[[], Any], **options: Any) -> Any:
    def work(number: int) -> Any:
        """Work."""
        setup.recording.tool_called("work", number=number)
        return act()

    return tool(work, **options)


def raising(error: BaseException) -> Callable[[], Any]:
    def act() -> Any:
        raise error

    return act


@pytest.mark.parametrize(
    "error",
    [
        KeyError("no account"),
        ToolException("the printer is on fire"),
        ValueError(),
        ExceptionGroup("several", [ValueError("a"), ValueError("b")]),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no text"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_details_of_what_a_tool_raised_reach_the_model_where_they_are_wanted(
    compare: Compare, error: Exception
) -> None:
    def build(setup: Setup) -> Scenario:
        work = work_that(setup, raising(error))
        return scenario_with(setup, work, include_detailed_errors=True)

    played = await compare(build, CALL, TELL)
    assert str(error) in played.outcome["text"]


async def test_the_loop_gives_up_after_so_many_errors(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        work = work_that(setup, raising(ValueError("again")))
        return scenario_with(setup, work, max_consecutive_errors_per_request=2)

    again = when(tools=["work"]).calls("work", number=1)
    played = await compare(build, again, when().says("I give up"))
    assert len(played.tool_calls) == 2


async def test_a_tool_that_aborts_the_run(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        return scenario_with(setup, work_that(setup, raising(MiddlewareFailure("stop all"))))

    played = await compare(build, CALL, TELL)
    assert played.outcome == {"raised": "MiddlewareFailure", "text": "stop all"}


RESULTS = ["enough", [Content.from_text("enough")], {"enough": True}]


@pytest.mark.parametrize("result", RESULTS, ids=["text", "contents", "value"])
async def test_a_tool_may_not_end_the_tool_loop_without_middleware(
    compare: Compare, result: Any
) -> None:
    def build(setup: Setup) -> Scenario:
        error = MiddlewareTermination("no more", result=result)
        return scenario_with(setup, work_that(setup, raising(error)))

    played = await compare(build, CALL, TELL)
    # The framework takes it for an error like any other.
    assert len(played.model_calls) == 2


@pytest.mark.parametrize("result", RESULTS, ids=["text", "contents", "value"])
async def test_a_tool_ends_the_tool_loop_where_middleware_stands_around_it(
    compare: Compare, result: Any
) -> None:
    async def passing_on(
        context: FunctionInvocationContext, call_next: Callable[[], Awaitable[None]]
    ) -> None:
        # The framework itself puts a coroutine here, which is then told as the result.
        context.result = None
        try:
            await call_next()
        finally:
            context.result = None

    def build(setup: Setup) -> Scenario:
        error = MiddlewareTermination("no more", result=result)
        return scenario_with(setup, work_that(setup, raising(error)), middleware=[passing_on])

    played = await compare(build, CALL, TELL)
    assert len(played.model_calls) == 1
    assert "enough" in str(played.outcome)


async def test_a_tool_that_asks_the_user(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        asked = Content.from_oauth_consent_request(consent_link="https://example.com/consent")
        error = UserInputRequiredException(contents=[asked])
        return scenario_with(setup, work_that(setup, raising(error)))

    played = await compare(build, CALL, TELL)
    assert "https://example.com/consent" in str(played.outcome)
    assert len(played.model_calls) == 1


@dataclass
class Parcel:
    weight: float


class Opaque:
    def __repr__(self) -> str:
        return "<opaque>"


def circular() -> Any:
    it: list[Any] = []
    it.append(it)
    return it


@pytest.mark.parametrize(
    "result",
    [
        None,
        b"\xff\x00",
        {1, 2},
        Parcel(1.5),
        Opaque(),
        float("nan"),
        circular(),
        [Content.from_text("one"), Content.from_data(b"\x89PNG", "image/png"), {"two": 2}],
    ],
    ids=lambda result: type(result).__name__,
)
@pytest.mark.parametrize("options", [{}, {"result_parser": SKIP_PARSING}], ids=["parsed", "raw"])
async def test_results_that_are_no_json_reach_the_model_as_in_a_plain_run(
    compare: Compare, result: Any, options: dict[str, Any]
) -> None:
    def build(setup: Setup) -> Scenario:
        return scenario_with(setup, work_that(setup, lambda: result, **options))

    await compare(build, CALL, when(tool_results=1).says("thanks"), TELL)


async def test_a_parser_of_the_tool_itself(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        def parse(result: Any) -> str:
            return f"parsed {result.weight}"

        return scenario_with(setup, work_that(setup, lambda: Parcel(2.5), result_parser=parse))

    played = await compare(build, CALL, TELL)
    assert played.outcome["text"] == "told: parsed 2.5"


async def test_a_parser_that_fails(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        def parse(result: Any) -> str:
            raise ValueError("cannot parse")

        work = work_that(setup, lambda: "it", result_parser=parse)
        return scenario_with(setup, work, include_detailed_errors=True)

    played = await compare(build, CALL, TELL)
    assert "cannot parse" in played.outcome["text"]
