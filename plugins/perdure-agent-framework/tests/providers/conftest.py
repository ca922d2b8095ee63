"""Fixtures of the tests of context providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from agent_kit.ways import Played, plain_and_durable
from perdure.testing.scripted_model import Rule, ScriptedModel

if TYPE_CHECKING:
    from agent_kit.scenarios import Build


class Compare(Protocol):
    """Plays a scenario plainly and durably and compares; returns how the plain one went."""

    async def __call__(self, build: Build, *rules: Rule) -> Played:
        """Play it on a scripted model with these rules."""


@pytest.fixture
def compare() -> Compare:
    """Compare scenarios, each on a scripted model of its own."""

    async def compare_on(build: Build, *rules: Rule) -> Played:
        async with ScriptedModel(list(rules)) as model:
            return await plain_and_durable(build, model.url)

    return compare_on
