"""Fixtures of the tests of tool calls."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

import pytest

from agent_kit.scenarios import Setup
from agent_kit.ways import app_of
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import Rule, ScriptedModel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from agent_kit.scenarios import Build
    from perdure.testing import Environment


class Running(Protocol):
    """Runs the app of a scenario; its workflow is ``agent_kit.ways.WORKFLOW``."""

    def __call__(
        self, build: Build, *rules: Rule
    ) -> contextlib.AbstractAsyncContextManager[Environment]:
        """Run it on a scripted model with these rules."""


@pytest.fixture
def running() -> Running:
    """Run scenarios durably, with a clock that the test moves."""

    @contextlib.asynccontextmanager
    async def run(build: Build, *rules: Rule) -> AsyncIterator[Environment]:
        async with ScriptedModel(list(rules)) as model:
            app = app_of(build(Setup(url=model.url)))
            async with run_in_memory(app) as env:
                yield env

    return run
