"""One agent and its tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from agent_framework import Agent, FunctionInvocationContext, FunctionTool, tool
from pydantic import BaseModel, Field

from agent_kit.scenarios import Scenario, Setup
from perdure.testing.scripted_model import when

if TYPE_CHECKING:
    from agent_kit.ways import Compare


def weather_and_time(setup: Setup) -> list[Any]:
    async def get_weather(city: Annotated[str, Field(description="where")]) -> str:
        """Tell the weather."""
        setup.recording.tool_called("get_weather", city=city)
        return f"sunny in {city}"

    def get_time(city: str, zone: str = "UTC") -> dict[str, str]:
        """Tell the time."""
        setup.recording.tool_called("get_time", city=city, zone=zone)
        return {"city": city, "zone": zone}

    return [get_weather, tool(get_time)]


async def test_def_and_async_tools_called_at_once(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), "be brief", name="a", tools=weather_and_time(setup))
        return Scenario(agents=(agent,), run=lambda: agent.run("weather and time?"))

    calls = when(tool_results=0).calls("get_weather", city="Oslo")
    played = await compare(
        build,
        calls.calls("get_time", city="Oslo").calls("get_weather", city="Rome"),
        when(tool_results=3).calls("get_time", city="Rome", zone="CET"),
        when().says("done: {result}"),
    )
    assert played.recording.tools() == ["get_time", "get_time", "get_weather", "get_weather"]
    assert len(played.model_calls) == 3
    assert played.outcome["text"].startswith("done: ")


async def test_a_tool_that_raises_is_told_to_the_model(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        def charge(amount: int) -> str:
            """Charge."""
            setup.recording.tool_called("charge", amount=amount)
            raise LookupError(f"no account for {amount}")

        agent = Agent(setup.client(), name="a", tools=[charge])
        return Scenario(agents=(agent,), run=lambda: agent.run("charge"))

    played = await compare(
        build, when(tool_results=0).calls("charge", amount=3), when().says("sorry: {result}")
    )
    assert played.outcome["text"].startswith("sorry: Error")


async def test_unknown_tools_and_arguments_that_do_not_fit(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=weather_and_time(setup))
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    mistaken = when(tool_results=0).calls("no_such_tool").calls("get_weather", city=["Oslo"])
    played = await compare(
        build,
        mistaken.calls_raw("get_time", '{"city": '),
        when().says("sorry: {result}"),
    )
    assert played.recording.tools() == []


class Order(BaseModel):
    number: int
    items: list[str] = []


async def test_tools_with_models_defaults_and_schemas(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        def place(order: Order, express: bool = False) -> Order:
            """Place an order."""
            # The framework gives what it checked against the model, not the model.
            setup.recording.tool_called("place", order=order, express=express)
            return Order.model_validate(order)

        def look_up(**arguments: Any) -> str:
            setup.recording.tool_called("look_up", **arguments)
            return "known"

        schema = {"type": "object", "properties": {"key": {"type": "string"}}}
        by_schema = FunctionTool(
            name="look_up", description="Look up.", func=look_up, input_model=schema
        )
        agent = Agent(setup.client(), name="a", tools=[place, by_schema])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    call = when(tool_results=0).calls("place", order={"number": 3, "items": ["tea"]})
    played = await compare(build, call.calls("look_up", key="k"), when().says("{result}"))
    assert played.recording.tools() == ["look_up", "place"]


async def test_values_for_tools_that_the_model_does_not_see(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        def who(context: FunctionInvocationContext, greeting: str) -> str:
            """Greet."""
            setup.recording.tool_called("who", greeting=greeting, user=context.kwargs["user"])
            return f"{greeting} {context.kwargs['user']}"

        agent = Agent(setup.client(), name="a", tools=[who])

        async def run() -> Any:
            return await agent.run("go", function_invocation_kwargs={"user": "Ada"})

        return Scenario(agents=(agent,), run=run)

    played = await compare(
        build, when(tool_results=0).calls("who", greeting="hello"), when().says("{result}")
    )
    assert played.outcome["text"] == "hello Ada"


async def test_methods_of_objects(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        class Shop:
            def __init__(self, name: str) -> None:
                self.name = name

            @tool
            def price(self, item: str) -> str:
                """Tell the price."""
                setup.recording.tool_called("price", item=item, shop=self.name)
                return f"{item} at {self.name}: 3"

            async def stock(self, item: str) -> int:
                """Tell the stock."""
                setup.recording.tool_called("stock", item=item, shop=self.name)
                return 7

        shop = Shop("corner")
        agent = Agent(setup.client(), name="a", tools=[shop.price, shop.stock])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    call = when(tool_results=0).calls("price", item="tea").calls("stock", item="tea")
    played = await compare(build, call, when().says("{result}"))
    assert played.recording.tools() == ["price", "stock"]


async def test_tools_given_to_one_run(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        def double(number: int) -> int:
            """Double."""
            setup.recording.tool_called("double", number=number)
            return number * 2

        agent = Agent(setup.client(), name="a", tools=weather_and_time(setup))
        return Scenario(
            agents=(agent,), run=lambda: agent.run("go", tools=[double]), calls_in_workflow=1
        )

    call = when(tool_results=0, tools=["double", "get_weather"]).calls("double", number=4)
    played = await compare(build, call, when().says("{result}"))
    assert played.outcome["text"] == "8"


async def test_a_tool_that_only_the_caller_can_run(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        elsewhere = FunctionTool(
            name="open_door", description="Open.", input_model={"type": "object", "properties": {}}
        )
        agent = Agent(setup.client(), name="a", tools=[elsewhere])
        return Scenario(agents=(agent,), run=lambda: agent.run("open"))

    played = await compare(build, when(tool_results=0).calls("open_door"), when().says("open"))
    assert len(played.model_calls) == 1


async def test_hosted_tools(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        client = setup.responses_client()
        hosted = [client.get_web_search_tool(), client.get_code_interpreter_tool()]
        agent = Agent(client, name="a", tools=[*hosted, *weather_and_time(setup)])
        return Scenario(agents=(agent,), run=lambda: agent.run("search"))

    played = await compare(build, when().says("found"))
    kinds = [tool["type"] for tool in played.model_calls[0]["tools"]]
    assert kinds[:2] == ["web_search", "code_interpreter"]


async def test_limits_of_the_tool_loop(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        limits: Any = {"max_iterations": 3, "max_function_calls": 4}
        client = setup.client(function_invocation_configuration=limits)
        agent = Agent(client, name="a", tools=weather_and_time(setup))
        return Scenario(agents=(agent,), run=lambda: agent.run("for ever"))

    again = when(tools=["get_time"]).calls("get_time", city="Oslo").calls("get_time", city="Rome")
    played = await compare(build, again, when().says("enough"))
    assert len(played.tool_calls) == 4


async def test_approval_asked_of_the_caller(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        @tool(approval_mode="always_require")
        def refund(order: str) -> str:
            """Refund."""
            setup.recording.tool_called("refund", order=order)
            return f"refunded {order}"

        agent = Agent(setup.client(), name="a", tools=[refund])

        async def run() -> Any:
            session = agent.create_session(session_id="s")
            first = await agent.run("refund 17", session=session)
            answers = [r.to_function_approval_response(True) for r in first.user_input_requests]
            from agent_framework import Message

            second = await agent.run([Message("user", answers)], session=session)
            return {"asked": len(answers), "then": second}

        return Scenario(agents=(agent,), run=run, policies=approvals_of_the_framework())

    played = await compare(
        build, when(tool_results=0).calls("refund", order="17"), when().says("{result}")
    )
    assert played.outcome["asked"] == 1
    assert played.recording.tools() == ["refund"]


def approvals_of_the_framework() -> Any:
    from perdure_agent_framework.policies import ApprovalPolicy, Policies

    return Policies(approval=ApprovalPolicy(mode="return"))
