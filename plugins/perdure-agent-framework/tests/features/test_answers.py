"""What comes back from a model: text, structured output, streams; and what goes in beside text."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from agent_framework import Agent, Content, Message
from pydantic import BaseModel

from agent_kit.normal_form import spoken
from agent_kit.scenarios import Scenario, Setup
from agent_kit.ways import play_on_engine, play_plainly
from perdure.testing.scripted_model import Rule, ScriptedModel, when

if TYPE_CHECKING:
    from agent_kit.ways import Compare

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
RULES: list[Rule] = [
    when(tool_results=0, tools=["look_up"]).calls("look_up", question="q"),
    when().says("one two three"),
]


class City(BaseModel):
    name: str
    people: int


def looking_up(setup: Setup) -> Any:
    def look_up(question: str) -> str:
        """Look up."""
        setup.recording.tool_called("look_up", question=question)
        return f"{question}: 42"

    return look_up


async def test_structured_output_by_a_class(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)])
        return Scenario(
            agents=(agent,), run=lambda: agent.run("go", options={"response_format": City})
        )

    played = await compare(
        build,
        when(tool_results=0).calls("look_up", question="q"),
        when(output_schema="City").answers({"name": "Oslo", "people": 700_000}),
    )
    assert played.outcome["value"] == {"City": {"name": "Oslo", "people": 700_000}}


async def test_structured_output_by_a_class_of_a_function(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        class Town(BaseModel):
            name: str

        options: Any = {"response_format": Town}
        agent = Agent(setup.client(), name="a", default_options=options)
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    played = await compare(build, when(output_schema="Town").answers({"name": "Bodø"}))
    assert played.outcome["value"] == {"Town": {"name": "Bodø"}}


async def test_structured_output_by_a_schema(compare: Compare) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "title": "Place"}

    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a")
        form = {"type": "json_schema", "json_schema": {"name": "Place", "schema": schema}}
        return Scenario(
            agents=(agent,), run=lambda: agent.run("go", options={"response_format": form})
        )

    played = await compare(build, when(output_schema="Place").answers({"name": "Rome"}))
    assert played.outcome["value"] == {"name": "Rome"}


async def test_structured_output_that_does_not_fit(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a")
        return Scenario(
            agents=(agent,), run=lambda: agent.run("go", options={"response_format": City})
        )

    played = await compare(build, when().says("no JSON"))
    assert played.outcome["value"] == "no value: ValidationError"


async def test_streaming_inside_a_workflow(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)])

        async def run() -> Any:
            stream = agent.run("go", stream=True)
            text = "".join([update.text async for update in stream])
            final = await stream.get_final_response()
            return [text, spoken(final.messages), final.usage_details]

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, *RULES)
    assert played.outcome[0] == "one two three"


async def test_streams_with_hooks_and_transforms(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)])

        async def run() -> Any:
            ended: list[str] = []
            stream = agent.run("go", stream=True).with_cleanup_hook(lambda: ended.append("end"))
            final = await stream.with_result_hook(lambda r: r).get_final_response()
            return [ended, spoken(final.messages)]

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, *RULES)
    assert played.outcome[0] == ["end"]


async def test_images_and_files_as_input(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)])
        message = Message(
            "user",
            [
                Content.from_text("what is this?"),
                Content.from_data(PIXEL, "image/png"),
                Content.from_uri("https://example.com/a.png", media_type="image/png"),
            ],
        )
        return Scenario(agents=(agent,), run=lambda: agent.run([message]))

    played = await compare(build, when(images=2).says("two pictures"))
    assert played.outcome["text"] == "two pictures"


async def test_tools_that_return_images(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        def take_picture() -> list[Content]:
            """Take a picture."""
            setup.recording.tool_called("take_picture")
            return [Content.from_text("here"), Content.from_data(PIXEL, "image/png")]

        agent = Agent(setup.responses_client(), name="a", tools=[take_picture])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    played = await compare(build, when(tool_results=0).calls("take_picture"), when().says("seen"))
    assert played.recording.tools() == ["take_picture"]


async def test_options_of_agent_and_run(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        defaults: Any = {"temperature": 0.1, "max_tokens": 50, "metadata": {"team": "x"}}
        agent = Agent(setup.client(), "agent's", name="a", default_options=defaults)
        options: Any = {"temperature": 0.9, "instructions": "run's", "stop": ["END"], "seed": 3}
        return Scenario(agents=(agent,), run=lambda: agent.run("go", options=options))

    played = await compare(build, when().says("ok"))
    assert played.model_calls[0]["temperature"] == 0.9
    assert played.model_calls[0]["max_completion_tokens"] == 50


async def test_the_responses_api_with_tools(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.responses_client(), name="a", tools=[looking_up(setup)])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    played = await compare(build, *RULES)
    assert played.outcome["text"] == "one two three"


async def test_the_clients_own_object_stays_in_the_activity() -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a")

        async def run() -> Any:
            response: Any = await agent.run("go")
            return response.messages[-1].contents[0].raw_representation is None

        return Scenario(agents=(agent,), run=run)

    async with ScriptedModel(RULES) as model:
        assert (await play_plainly(build, model.url)).outcome is False
        assert (await play_on_engine(build, model.url)).outcome is True
