"""Sidecars of real Dapr stacks, with the components that the docs page shows."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from perdure_dapr.stack import DaprStack, StackOptions

from perdure.testing.scripted_model import MODEL, ScriptedModel, when
from perdure_agent_framework.dapr_conversation import DaprConversationChatClient

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "dapr-conversation.md"
TOKEN = "token-for-tests"
KEY = "key-for-tests"
_YAML = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TRANSCRIPT = [
    when(user="weather", tool_results=0)
    .calls("weather", city="Oslo")
    .calls("weather", city="Rome"),
    when(user="weather", tool_results=2).says("{results}"),
    when(output_schema="Place").answers({"city": "Oslo", "zone": {"name": "CET"}}),
    when(user="slow down").fails(429, message="too many requests"),
    when(user="who are you").fails(401, message="no such key"),
    when(user="hello").says("hello yourself").costs(input_tokens=11, output_tokens=7),
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests on real servers time on a busy machine."""
    for item in items:
        is_here = Path(__file__).parent in item.path.parents
        if is_here and {"sidecar", "openai_sidecar"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.timeout(120), append=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """A sidecar that is up, and wants a token."""

    endpoint: str

    def client(self, component: str) -> DaprConversationChatClient:
        """Return a client of one of its components."""
        return DaprConversationChatClient(component, endpoint=self.endpoint, api_token=TOKEN)


@pytest.fixture(scope="session")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    """A sidecar with ``conversation.echo``, as the docs page has it."""
    components = tmp_path_factory.mktemp("components")
    (components / "echo.yaml").write_text(component_of_the_page("echo"), encoding="utf-8")
    folder = tmp_path_factory.mktemp("dapr")
    with DaprStack(folder, StackOptions(components=str(components), api_token=TOKEN)) as stack:
        yield Sidecar(endpoint=endpoint_of(stack))


@pytest.fixture(scope="session")
def scripted_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptedModel]:
    """The model behind the components ``openai`` and ``ollama``."""
    model = ScriptedModel(_TRANSCRIPT, log=tmp_path_factory.mktemp("model") / "log.jsonl")
    with asyncio.Runner() as runner:
        runner.run(model.__aenter__())
        yield model
        runner.run(model.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def openai_sidecar(
    scripted_model: ScriptedModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sidecar]:
    """A sidecar with the docs page's ``openai`` and ``ollama``, whose model is the scripted one."""
    folder = tmp_path_factory.mktemp("dapr")
    components = tmp_path_factory.mktemp("components")
    (components / "secrets.json").write_text(json.dumps({"openai-key": KEY}), encoding="utf-8")
    for name in ("openai", "ollama"):
        text = component_of_the_page(name)
        for shown, used in (
            ("https://api.openai.com/v1", scripted_model.url),
            ("http://127.0.0.1:11434/v1", scripted_model.url),
            ("gpt-5-nano", MODEL),
            ("llama3.2:latest", MODEL),
            ("/etc/dapr/secrets.json", str(components / "secrets.json")),
        ):
            text = text.replace(shown, used)
        assert scripted_model.url in text
        (components / f"{name}.yaml").write_text(text, encoding="utf-8")
    with DaprStack(folder, StackOptions(components=str(components), api_token=TOKEN)) as stack:
        yield Sidecar(endpoint=endpoint_of(stack))


def component_of_the_page(name: str) -> str:
    """Return the file of a component, as the docs page shows it."""
    blocks = _YAML.findall(PAGE.read_text(encoding="utf-8"))
    (text,) = (block for block in blocks if f"name: {name}\nspec" in block)
    return str(text)


def endpoint_of(stack: DaprStack) -> str:
    """Return the URL of a stack's HTTP API."""
    return f"http://127.0.0.1:{stack.record().ports['daprd.http']}"
