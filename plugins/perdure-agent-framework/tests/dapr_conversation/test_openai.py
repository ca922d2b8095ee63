"""``conversation.openai`` and ``.ollama`` of a real daprd, whose model is the scripted one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from agent_framework import Agent, Message
from pydantic import BaseModel

from perdure.testing.scripted_model import MODEL
from perdure_agent_framework.dapr_conversation import DaprModelError

if TYPE_CHECKING:
    from dapr_conversation.conftest import Sidecar
    from perdure.testing.scripted_model import ScriptedModel


class Zone(BaseModel):
    name: str


class Place(BaseModel):
    city: str
    zone: Zone
    note: str | None = None


async def test_tools_are_called_until_the_model_answers(
    openai_sidecar: Sidecar, scripted_model: ScriptedModel
) -> None:
    def weather(city: str) -> str:
        """Tell the weather."""
        return f"sunny in {city}"

    before = len(scripted_model.requests())
    agent = Agent(openai_sidecar.client("openai"), "Be brief.", tools=[weather])
    response = await agent.run("weather?", options={"temperature": 0.2})
    assert "sunny in Oslo" in response.text
    assert "sunny in Rome" in response.text
    asked = scripted_model.requests()[before:]
    assert [(each.messages, each.tool_results) for each in asked] == [(2, 0), (5, 2)]


@pytest.mark.parametrize("component", ["openai", "ollama"])
async def test_the_answer_and_its_tokens_are_told(openai_sidecar: Sidecar, component: str) -> None:
    response = await Agent(openai_sidecar.client(component)).run("hello")
    assert response.text == "hello yourself"
    assert response.usage_details is not None
    assert response.usage_details["input_token_count"] == 11
    assert response.usage_details["output_token_count"] == 7
    assert response.finish_reason == "stop"


async def test_the_model_of_the_component_is_told(openai_sidecar: Sidecar) -> None:
    response = await openai_sidecar.client("openai").get_response([Message("user", ["hello"])])
    assert response.model == MODEL


async def test_an_answer_has_the_form_that_was_asked_for(openai_sidecar: Sidecar) -> None:
    agent = Agent(openai_sidecar.client("openai"))
    options = {
        "response_format": Place,
        "metadata": {"team": "blue"},
        "prompt_cache_retention": timedelta(hours=24),
    }
    response = await agent.run("where?", options=options)  # type: ignore[call-overload]
    assert response.value == Place(city="Oslo", zone=Zone(name="CET"))
    stream = agent.run("where?", stream=True, options=options)  # type: ignore[call-overload]
    assert (await stream.get_final_response()).value == response.value


@pytest.mark.parametrize(("words", "status"), [("slow down", 429), ("who are you", 401)])
async def test_an_error_has_the_status_of_the_model(
    openai_sidecar: Sidecar, words: str, status: int
) -> None:
    with pytest.raises(DaprModelError, match=f"status {status}") as caught:
        await Agent(openai_sidecar.client("openai")).run(words)
    assert caught.value.status_code == status
    assert caught.value.error_code == "ERR_CONVERSATION_INVOKE"
    assert caught.value.component == "openai"
