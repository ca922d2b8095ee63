"""A stack of fake servers, in a folder of its own; nothing of it outlives its test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perdure.stack import Stack
from tests.stack.fake_stack import FakeKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def kind() -> FakeKind:
    """Return what the stack is made of."""
    return FakeKind()


@pytest.fixture
def said() -> list[str]:
    """Return what the stack tells its user, as it comes."""
    return []


@pytest.fixture
def stack(tmp_path: Path, kind: FakeKind, said: list[str]) -> Iterator[Stack]:
    """Return a stack that is down; its servers stay until they are taken down, as for a user."""
    stack = Stack("fake", tmp_path / "fake", kind=kind, tell=said.append)
    yield stack
    stack.down()
