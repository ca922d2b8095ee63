"""The workflows that ask, run by the real engine on a clock moved by hand."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from perdure.testing import run_in_memory
from tests.approvals.workflows import registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure.testing import Environment


@pytest.fixture
def env() -> Iterator[Environment]:
    # Opened on a loop of its own: the client of it can be used on any.
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        try:
            yield runner.run(stack.enter_async_context(run_in_memory(registry)))
        finally:
            runner.run(stack.aclose())
