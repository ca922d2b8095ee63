"""Fixtures of the comparisons of each feature of the framework, durable against plain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from agent_kit.ways import Played, plain_and_durable
from perdure.testing.scripted_model import Rule, ScriptedModel

if TYPE_CHECKING:
    from agent_kit.scenarios import Build


_SECONDS = 120
_FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each comparison time for its many replays, also on a busy machine."""
    for item in items:
        if item.path.is_relative_to(_FOLDER) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_SECONDS))


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
