"""Limits: what is large or slow works, or fails at once with a clear error; nothing hangs."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry
from perdure.testing.contract.contract import Contract

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()
_MIB = 1024 * 1024


@registry.activity(name="limits_size")
async def size(text: str) -> int:
    """Return the size."""
    return len(text)


@registry.activity(name="limits_text")
async def text(size: int) -> str:
    """Return a text of that size."""
    return "x" * size


@registry.workflow(name="limits_measure")
async def measure(word: str) -> int:
    """Give a value on to an activity."""
    return await size(word)


@registry.workflow(name="limits_gather")
async def gather(count: int, size: int) -> int:
    """Collect results that are large together."""
    texts = await asyncio.gather(*(text(size) for _ in range(count)))
    return sum(map(len, texts))


@registry.workflow(name="limits_long")
async def long(steps: int) -> int:
    """Take many steps."""
    total = 0
    for _ in range(steps):
        total += await size("x")
    return total


@registry.workflow(name="limits_wait")
async def wait() -> list[int]:
    """Wait, then take a backlog of events."""
    count = await perdure.wait_for_event("go", int)
    return [await perdure.wait_for_event("number", int) for _ in range(count)]


class Limits(Contract):
    """What is more than usual."""

    registry = registry

    @pytest.mark.parametrize("kib", [64, 512, 3 * 1024])
    def test_a_large_value_arrives_or_is_refused_at_once(
        self, backend_hub: BackendHub, kib: int
    ) -> None:
        try:
            handle = backend_hub.start(measure, "x" * kib * 1024)
        except perdure.PayloadTooLargeError as error:
            is_honest = error.size > error.limit and kib > 64  # 64 KiB must always go
            assert is_honest, error  # noqa: PT017 - either of two outcomes is right
        else:
            assert backend_hub.result(handle) == kib * 1024

    def test_a_value_beyond_all_limits_is_refused_before_any_call(
        self, backend_hub: BackendHub
    ) -> None:
        with pytest.raises(perdure.PayloadTooLargeError):
            backend_hub.start(measure, "x" * (64 * _MIB + 1))

    def test_many_middling_results_fit_one_run(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(gather, 40, 40 * 1024)
        assert backend_hub.result(handle) == 40 * 40 * 1024

    def test_a_run_of_many_steps_comes_to_its_end(self, backend_hub: BackendHub) -> None:
        assert backend_hub.result(backend_hub.start(long, 150)) == 150

    def test_a_backlog_of_events_is_kept(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(wait)
        for number in range(150):
            handle.raise_event("number", number)
        handle.raise_event("go", 150)
        assert backend_hub.result(handle) == list(range(150))

    def test_a_call_that_is_never_answered_ends_by_the_clients_deadline(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(long, 0)
        with (
            backend_hub.unanswered(deadline=timedelta(milliseconds=200)) as client,
            pytest.raises(TimeoutError, match="no answer"),
        ):
            client.get(long, handle.instance_id).info()
        assert backend_hub.result(handle) == 0
