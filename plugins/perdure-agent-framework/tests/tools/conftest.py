"""Fixtures of the tests of tool calls."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

import pytest

from agent_kit.scenarios import Setup
from agent_kit.ways import Played, app_of, plain_and_durable
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import Rule, ScriptedModel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from agent_kit.scenarios import Build
    from perdure.testing import Environment


class Compare(Protocol):
    """Plays a scenario plainly and durably and compares; returns how the plain one went."""

    async def __call__(self, build: Build, *rules: Rule) -> Played:
        """Play it on a scripted model with these rules."""


class Running(Protocol):
    """Runs the app of a scenario; its workflow is ``agent_kit.ways.WORKFLOW``."""

    def __call__(
        self, build: Build, *rules: Rule
    ) -> contextlib.AbstractAsyncContextManager[Environment]:
        """Run it on a scripted model with these rules."""


@pytest.fixture
def compare() -> Compare:
    """Compare scenarios, each on a scripted model of its own."""

    async def compare_on(build: Build, *rules: Rule) -> Played:
        async with ScriptedModel(list(rules)) as model:
            return await plain_and_durable(build, model.url)

    return compare_on


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
