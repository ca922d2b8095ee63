"""Backends for conversations: the embedded engine, a real Dapr sidecar, the stand-in for DTS."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from perdure.testing.record import Record
from perdure.testing.scripted_model import ScriptedModel, when
from perdure.testing.target import BackendTarget
from sessions.desk import ECHO
from sessions.programs import MODEL_VARIABLE, RECORD_VARIABLE, make_runner

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    import perdure
    from perdure.testing.target import WorkerProcess
    from perdure_agent_framework import DurableAgentRunner

_TESTS = Path(__file__).parents[1]
_REGISTRY = "sessions.programs:app"
_RULES = [
    when(user="note", tool_results_below=3).calls("note", text="step {tool_results}"),
    when(user="wait").calls("wait_for_ever"),
    when(user="secret").fails(401, message="no such key"),
    ECHO,
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests on real servers time on a busy machine."""
    for item in items:
        is_here = Path(__file__).parent in item.path.parents
        if is_here and "office" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(120), append=False)


@dataclass(frozen=True, kw_only=True)
class Office:
    """A support desk whose workers are processes; the test is a client.

    Attributes:
        target: The backend.
        app: The app as the test has it.
        runner: The agent as the test has it.
        model: The scripted model.
        record: What the agent's tools have noted.
        session_id: A conversation that nobody else has.
    """

    target: BackendTarget
    app: perdure.App
    runner: DurableAgentRunner
    model: ScriptedModel
    record: Record
    session_id: str = field(default_factory=lambda: f"s-{uuid.uuid4().hex[:12]}")

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to be of this office."""
        path = os.pathsep.join([str(_TESTS), os.environ.get("PYTHONPATH", "")])
        return {
            MODEL_VARIABLE: self.model.url,
            RECORD_VARIABLE: str(self.record.path),
            "PYTHONPATH": path,
        }

    def worker(self, **environment: str) -> WorkerProcess:
        """Start a worker process."""
        return self.target.start_worker(_REGISTRY, environment={**self.environment, **environment})

    async def until_noted(self, count: int) -> None:
        """Wait until the tools have noted so much."""
        while len(self.record.entries()) < count:
            await asyncio.sleep(0.02)

    async def ask_elsewhere(self, message_id: str, text: str) -> dict[str, Any]:
        """Ask from a process of its own."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sessions.programs", self.session_id, message_id, text),
            env={**self.target.environment(), **self.environment},
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
        reply: dict[str, Any] = json.loads(output)
        return reply


@pytest.fixture(scope="session")
def _dapr_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from perdure_dapr.stack import DaprStack

    with DaprStack(tmp_path_factory.mktemp("dapr")) as stack:
        yield stack.url


@pytest.fixture(scope="session")
def _azure_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from perdure_azure.stack import AzureStack, StackOptions

    with AzureStack(tmp_path_factory.mktemp("azure"), StackOptions(throttle="off")) as stack:
        yield stack.url


@pytest.fixture(params=["sqlite", "dapr", "azure"])
def backend_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the value of ``PERDURE_BACKEND`` for each backend in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/desk.db"
    url: str = request.getfixturevalue(f"_{request.param}_url")
    return url


@pytest.fixture
def office(backend_url: str, tmp_path: Path) -> contextlib.AbstractAsyncContextManager[Office]:
    """Return what opens an office, without a worker."""

    @contextlib.asynccontextmanager
    async def open_office() -> AsyncGenerator[Office, None]:
        target = BackendTarget(backend_url, folder=tmp_path)
        async with ScriptedModel(_RULES) as model:
            app, runner = make_runner({MODEL_VARIABLE: model.url}, backend=backend_url)
            record = Record(tmp_path / "record.jsonl")
            try:
                async with app.client():
                    yield Office(target=target, app=app, runner=runner, model=model, record=record)
            finally:
                await asyncio.to_thread(target.close)

    return open_office()
