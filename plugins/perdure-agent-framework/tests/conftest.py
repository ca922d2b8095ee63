"""What tests of several parts compare by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent_kit.ways import Compare, Played, plain_and_durable
from perdure.testing.scripted_model import Rule, ScriptedModel

if TYPE_CHECKING:
    from agent_kit.scenarios import Build


@pytest.fixture
def compare() -> Compare:
    """Compare scenarios, each on a scripted model of its own."""

    async def compare_on(build: Build, *rules: Rule) -> Played:
        async with ScriptedModel(list(rules)) as model:
            return await plain_and_durable(build, model.url)

    return compare_on
