"""Rules: which requests they match, and what a transcript refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from perdure.errors import ConfigurationError
from perdure.testing.scripted_model import Rule, ScriptedModel, Transcript, When, when
from perdure.testing.scripted_model.choosing import choose
from perdure.testing.scripted_model.conversation import (
    CallMade,
    ConversationMessage,
    ModelRequest,
)
from perdure.testing.scripted_model.transcript import load_transcript

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def request_of(**changes: Any) -> ModelRequest:
    """Return a request after two tool results, of which one came before the last user message."""
    calls = (CallMade(id="1", tool="look_up", arguments="{}"),)
    messages = (
        ConversationMessage(role="system", text="Be brief."),
        ConversationMessage(role="user", text="first"),
        ConversationMessage(role="tool", text="old", call_id="0"),
        ConversationMessage(
            role="user", text="A refund, please", attachments=("image:1", "file:2")
        ),
        ConversationMessage(role="assistant", calls=calls),
        ConversationMessage(role="tool", text="order 17", call_id="1"),
    )
    known: dict[str, Any] = {
        "api": "responses",
        "model": "scripted-model",
        "messages": messages,
        "tools": ("look_up", "pay"),
        "output_schema": "Refund",
    }
    return ModelRequest(**{**known, **changes})


@pytest.mark.parametrize(
    ("fits", "does_not"),
    [
        (when(model="scripted-model"), when(model="scripted-model-small")),
        (when(user="refund"), when(user="first")),
        (when(system="brief"), when(system="polite")),
        (when(result="17"), when(result="old")),
        (when(tool_results=1), when(tool_results=2)),
        (when(tool_results_below=2), when(tool_results_below=1)),
        (when(tools=["pay"]), when(tools=["pay", "fly"])),
        (when(output_schema="Refund"), when(output_schema="City")),
        (when(images=1), when(images=0)),
        (when(), when(user="refund", tool_results=0)),
    ],
)
def test_a_rule_is_for_the_requests_it_describes(fits: When, does_not: When) -> None:
    assert fits.matches(request_of())
    assert not does_not.matches(request_of())


def test_user_messages_one_after_the_other_are_one() -> None:
    parts = (
        ConversationMessage(role="user", text="before"),
        ConversationMessage(role="assistant", text="said"),
        ConversationMessage(role="user", text="what is it?"),
        ConversationMessage(role="user", attachments=("image:1",)),
    )
    request = request_of(messages=parts)
    assert (request.user, request.images) == ("what is it?", 1)


def test_no_rule_about_results_matches_a_request_without_any() -> None:
    assert not when(result="").matches(request_of(messages=()))


def chosen(rules: list[Rule], faults: dict[str, int]) -> str | None:
    """Return the name of the rule that replies."""
    choice = choose(Transcript(rules=tuple(rules)), request_of(), faults=faults)
    return None if choice is None else choice.rule


def test_the_first_rule_that_matches_replies() -> None:
    rules = [when(user="pay").says("a"), when(user="refund").says("b"), when().says("c")]
    assert chosen(rules, {}) == "rule-2"
    assert chosen(rules[:1], {}) is None


def test_a_fault_is_passed_over_when_it_is_used_up() -> None:
    rules = [when().fails(500, times=2).named("broken"), when().says("a")]
    assert [chosen(rules, {"broken": times}) for times in (0, 1, 2)] == [
        "broken",
        "broken",
        "rule-2",
    ]


def test_a_fault_within_an_answer_needs_one() -> None:
    assert chosen([when().drops(after_chunks=1)], {}) is None


def test_a_transcript_is_the_same_after_its_file(tmp_path: Path) -> None:
    rules = (
        when(user="a", tools=["b"]).calls("b", deep={"list": [1, None, "x"]}).named("first"),
        when().answers({"value": None}).after(1, per_chunk=0.5),
        when(model="scripted-model-2").fails(429, retry_after=2, times=3, per_request=True),
        when().drops(after_chunks=2),
        when().hangs(),
        when().says("x").costs(input_tokens=1, output_tokens=2),
    )
    transcript, path = Transcript(rules=rules), tmp_path / "transcript.json"
    transcript.write(path)
    assert load_transcript(path) == transcript
    assert set(json.loads(path.read_text())["rules"][4]) == {"when", "reply", "per_request"}


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ([when().says("a").named("x"), when().says("b").named("x")], "two rules are named 'x'"),
        ([when(model="gpt-5").says("a")], "'gpt-5' could be taken for a real one"),
    ],
)
def test_an_unsound_transcript_is_refused(rules: list[Rule], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        ScriptedModel(rules)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "cannot be read"),
        ("{", "Invalid JSON"),
        ('{"rules": [{"when": {"usr": "a"}, "reply": {"kind": "answer"}}]}', "usr"),
        ('{"rules": [{"when": {}, "reply": {"kind": "answer"}, "times": 1}]}', "only a fault"),
    ],
)
def test_a_file_that_is_no_transcript_is_refused_by_its_name(
    tmp_path: Path, text: str | None, problem: str
) -> None:
    path = tmp_path / "script.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"(?s)script\.json.*" + problem):
        ScriptedModel(path)


@pytest.mark.parametrize(
    "make",
    [
        lambda: when().fails(200),
        lambda: when().fails(429, times=0),
        lambda: when().fails(429, retry_after=-1),
        lambda: when(tool_results=-1),
        lambda: when().says("a").costs(input_tokens=-1, output_tokens=0),
        lambda: when().says("a").after(-1),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValidationError):
        make()


def test_a_fault_takes_no_tool_call() -> None:
    with pytest.raises(ConfigurationError, match="'fail' is a fault"):
        when(user="a").fails(500).calls("pay")
