"""Agents whose model is ``conversation.echo`` of a real daprd: it says all that it was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from agent_framework import Agent, AgentSession, Content, FunctionTool, Message

from perdure_agent_framework.dapr_conversation import DaprConversationChatClient, DaprRequestError

if TYPE_CHECKING:
    from dapr_conversation.conftest import Sidecar

ONLY_DECLARED = FunctionTool(
    name="weather",
    description="Tells the weather.",
    func=None,
    input_model={
        "type": "object",
        "properties": {"day": {"type": "string"}, "city": {"type": "string"}},
    },
)


async def test_an_agent_runs(sidecar: Sidecar) -> None:
    agent = Agent(sidecar.client("echo"), "Be brief.", name="parrot")
    response = await agent.run("Hello, Dapr: é, 語, \x00!")
    assert response.text == "Be brief.\nHello, Dapr: é, 語, \x00!"
    assert response.finish_reason == "stop"
    assert response.usage_details is not None
    assert response.usage_details["input_token_count"] == 7
    assert response.usage_details["total_token_count"] == 14


async def test_each_turn_sends_the_turns_before(sidecar: Sidecar) -> None:
    agent = Agent(sidecar.client("echo"))
    session = AgentSession(session_id="chat-1")
    first = await agent.run("one", session=session)
    second = await agent.run("two", session=session)
    assert (first.text, second.text) == ("one", "one\none\ntwo")


async def test_messages_of_every_role_arrive(sidecar: Sidecar) -> None:
    call = Content.from_function_call("c-1", "clock", arguments={"zone": "CET"})
    messages = [
        Message("system", ["a"]),
        Message("developer", ["b"]),
        Message("user", ["c", "d"]),
        Message("assistant", [Content.from_text("e"), call]),
        Message("tool", [Content.from_function_result("c-1", result={"hour": 12})]),
    ]
    response = await sidecar.client("echo").get_response(messages)
    result = "Tool Response for tool ID 'c-1' with name 'clock': {\"hour\": 12}"
    assert response.text == f"a\nb\nc\nd\ne\n{result}"
    (repeated,) = (each for each in response.messages[0].contents if each.type == "function_call")
    assert (repeated.call_id, repeated.name) == ("c-1", "clock")
    assert repeated.arguments == '{"zone": "CET"}'


async def test_tools_are_offered_with_their_parameters(sidecar: Sidecar) -> None:
    response = await sidecar.client("echo").get_response(
        [Message("user", ["Oslo?"])], options={"tools": [ONLY_DECLARED]}
    )
    (call,) = (each for each in response.messages[0].contents if each.type == "function_call")
    # Echo calls every tool, with the names of its parameters for arguments.
    assert (call.call_id, call.name, call.arguments) == ("0", "weather", "city,day")
    assert response.finish_reason == "tool_calls"


async def test_a_tool_is_called_and_its_result_sent(sidecar: Sidecar) -> None:
    calls: list[str] = []

    def ping() -> str:
        """Ping."""
        calls.append("ping")
        return "pong"

    client = DaprConversationChatClient(
        "echo",
        endpoint=sidecar.endpoint,
        api_token="token-for-tests",
        function_invocation_configuration={"max_iterations": 1},
    )
    response = await Agent(client, tools=[ping]).run("go")
    assert calls == ["ping"]
    assert "Tool Response for tool ID '0' with name 'ping': pong" in response.text


@pytest.mark.parametrize(
    ("tool_choice", "offered"),
    [
        ("auto", ["weather", "clock"]),
        ({"mode": "required", "required_function_name": "clock"}, ["clock"]),
        ({"mode": "auto", "allowed_tools": ["weather"]}, ["weather"]),
    ],
)
async def test_the_choice_of_tools_is_kept_to(
    sidecar: Sidecar, tool_choice: object, offered: list[str]
) -> None:
    clock = FunctionTool(name="clock", description="", func=None, input_model={"type": "object"})
    options = {"tools": [ONLY_DECLARED, clock], "tool_choice": tool_choice}
    response = await sidecar.client("echo").get_response(
        [Message("user", ["x"])],
        options=options,  # type: ignore[call-overload]  # as a program's user may give it
    )
    calls = [each for each in response.messages[0].contents if each.type == "function_call"]
    assert [call.name for call in calls] == offered


async def test_a_stream_is_the_whole_answer(sidecar: Sidecar) -> None:
    stream = Agent(sidecar.client("echo")).run("Hello.", stream=True)
    updates = [update async for update in stream]
    assert "".join(update.text for update in updates) == "Hello."
    final = await stream.get_final_response()
    assert final.text == "Hello."
    assert final.usage_details is not None
    assert final.usage_details["output_token_count"] == 1


async def test_a_stream_has_the_options_of_its_run(sidecar: Sidecar) -> None:
    stream = sidecar.client("echo").get_response(
        [Message("user", ["mail me: jane@example.com"])],
        stream=True,
        options={"scrub_output": True},
    )
    assert (await stream.get_final_response()).text.startswith("mail me: <")


async def test_an_option_that_cannot_be_sent_fails_the_run(sidecar: Sidecar) -> None:
    agent = Agent(sidecar.client("echo"), default_options={"max_tokens": 5})
    with pytest.raises(DaprRequestError, match="no option 'max_tokens'"):
        await agent.run("Hello.")


async def test_dapr_scrubs_what_it_is_told_to(sidecar: Sidecar) -> None:
    messages = [Message("user", ["mail me: jane@example.com"])]
    client = sidecar.client("echo")
    for options in ({"scrub_input": True}, {"scrub_output": True}):
        response = await client.get_response(messages, options=options)  # type: ignore[call-overload]
        assert "jane@example.com" not in response.text
        assert response.text.startswith("mail me: <")
    assert (await client.get_response(messages)).text == "mail me: jane@example.com"


async def test_a_context_id_comes_back_and_history_stays_with_the_framework(
    sidecar: Sidecar,
) -> None:
    response = await sidecar.client("echo").get_response(
        [Message("user", ["x"])], options={"context_id": "chat-1", "metadata": {"team": "blue"}}
    )
    assert response.additional_properties["context_id"] == "chat-1"
    assert response.conversation_id is None


async def test_a_proxy_of_the_users_is_not_between_it_and_a_local_sidecar(
    sidecar: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    response = await Agent(sidecar.client("echo")).run("Hello.")
    assert response.text == "Hello."
