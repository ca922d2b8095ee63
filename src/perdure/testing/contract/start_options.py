"""Start options: what travels along, when it begins, and how long it may take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry, Status
from perdure.spi import Capability
from perdure.testing.contract.contract import Contract

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()


@registry.activity(name="start_options_headers_here")
async def headers_here() -> dict[str, str]:
    """Return the headers that an activity sees."""
    return dict(perdure.current_activity().headers)


@registry.workflow(name="start_options_child")
async def child() -> dict[str, str]:
    """Return the headers that a child sees."""
    return dict(perdure.current_workflow().headers)


@registry.workflow(name="start_options_headers")
async def headers() -> list[dict[str, str]]:
    """Return the headers seen here, in an activity, and in a child."""
    return [dict(perdure.current_workflow().headers), await headers_here(), await child()]


@registry.workflow(name="start_options_now")
async def now() -> datetime:
    """Return the instant at which it runs."""
    return perdure.now()


@registry.workflow(name="start_options_wait")
async def wait() -> str:
    """Wait for the event ``go``."""
    perdure.set_custom_status("waiting")
    return await perdure.wait_for_event("go", str)


class Headers(Contract):
    """Headers go wherever the work goes."""

    registry = registry

    def test_headers_reach_the_workflow_its_activities_and_its_children(
        self, backend_hub: BackendHub
    ) -> None:
        given = {"traceparent": "00-1-2-01", "who": "Ä", "empty": ""}
        assert backend_hub.result(backend_hub.start(headers, headers=given)) == [given] * 3


@pytest.mark.capability(Capability.START_AT)
class StartAt(Contract):
    """A start in the future."""

    registry = registry

    def test_nothing_runs_before_its_time_and_events_are_kept(
        self, backend_hub: BackendHub
    ) -> None:
        at = backend_hub.now() + backend_hub.moment * 2
        handle = backend_hub.start(wait, start_at=at)
        handle.raise_event("go", "on")
        info = handle.info()
        assert info.status is Status.PENDING
        assert info.start_at is not None
        assert abs(info.start_at - at) < timedelta(milliseconds=1)
        backend_hub.let_pass(2)
        assert backend_hub.result(handle) == "on"

    def test_it_runs_at_that_instant_or_later(self, backend_hub: BackendHub) -> None:
        at = backend_hub.now() + backend_hub.moment
        handle = backend_hub.start(now, start_at=at)
        backend_hub.let_pass(1)
        assert backend_hub.result(handle) >= at - timedelta(milliseconds=1)

    def test_an_instant_that_has_passed_means_now(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(now, start_at=datetime(2001, 1, 1, tzinfo=UTC))
        assert backend_hub.result(handle).year > 2001


@pytest.mark.capability(Capability.EXECUTION_TIMEOUT)
class ExecutionTimeout(Contract):
    """A limit on the whole run."""

    registry = registry

    def test_a_run_that_takes_too_long_fails(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(wait, execution_timeout=backend_hub.moment)
        backend_hub.let_pass(1)
        with pytest.raises(perdure.WorkflowFailedError) as caught:
            backend_hub.result(handle)
        assert caught.value.matches(TimeoutError)

    def test_a_run_that_is_in_time_is_left_alone(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(wait, execution_timeout=backend_hub.moment * 100)
        backend_hub.until_shows(handle, "waiting")
        handle.raise_event("go", "on")
        assert backend_hub.result(handle) == "on"
