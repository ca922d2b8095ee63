"""Lifecycle: an instance is started once, is seen, ends, and its end is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry, Status
from perdure.testing.contract.contract import Contract

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()


@registry.workflow(name="lifecycle_greet")
async def greet(name: str) -> str:
    """Return at once."""
    return f"hello {name}"


@registry.workflow(name="lifecycle_wait")
async def wait(name: str) -> str:
    """Show that it waits, and wait for the event ``go``."""
    perdure.set_custom_status({"waits": name})
    word = await perdure.wait_for_event("go", str)
    return f"{word} {name}"


@registry.workflow(name="lifecycle_fail")
async def fail(message: str) -> None:
    """Raise."""
    raise ValueError(message)


class Lifecycle(Contract):
    """Start, state and end of an instance."""

    registry = registry

    def test_a_workflow_returns_its_result(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(greet, "Ada")
        assert backend_hub.result(handle) == "hello Ada"

    def test_the_state_of_an_instance_tells_its_story(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(wait, "Ada")
        backend_hub.until_shows(handle, {"waits": "Ada"})
        running = handle.info()
        assert running.status is Status.RUNNING
        assert (running.instance_id, running.name) == (handle.instance_id, "lifecycle_wait")
        assert running.run_id
        assert running.finished_at is None
        handle.raise_event("go", "good morning")
        assert backend_hub.result(handle) == "good morning Ada"
        ended = backend_hub.end(handle)  # info alone need not fetch a result from a payload store
        assert ended.status is Status.COMPLETED
        assert ended.run_id == running.run_id
        assert ended.output_json == '"good morning Ada"'
        assert ended.finished_at is not None
        assert running.created_at == ended.created_at <= ended.finished_at

    def test_a_workflow_that_raises_has_failed_with_what_it_raised(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(fail, "no luck")
        with pytest.raises(perdure.WorkflowFailedError) as caught:
            backend_hub.result(handle)
        assert caught.value.matches(ValueError)
        assert caught.value.failure.message == "no luck"
        assert "no luck" in caught.value.failure.traceback
        assert handle.info().status is Status.FAILED

    def test_an_instance_that_nobody_started_is_not_found(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.client.get(greet, backend_hub.new_id())
        for ask in (handle.info, handle.wait, handle.terminate, handle.purge):
            with pytest.raises(perdure.InstanceNotFoundError, match=handle.instance_id):
                ask()
        with pytest.raises(perdure.InstanceNotFoundError):
            handle.raise_event("go", "x")

    def test_waiting_has_an_end(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(wait, "Ada")
        with pytest.raises(TimeoutError):
            handle.result(timeout=timedelta(milliseconds=50))
        handle.raise_event("go", "still here,")
        assert backend_hub.result(handle) == "still here, Ada"

    def test_waiting_for_no_time_only_looks(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(wait, "Ada")
        with pytest.raises(TimeoutError):
            handle.result(timeout=timedelta())
        handle.raise_event("go", "hello")
        backend_hub.result(handle)
        assert handle.result(timeout=timedelta()) == "hello Ada"

    def test_any_number_of_clients_may_wait_for_one_instance(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(wait, "Ada")
        with ThreadPoolExecutor(4) as pool:
            waiting = [pool.submit(backend_hub.result, handle) for _ in range(4)]
            handle.raise_event("go", "hello")
            assert {each.result() for each in waiting} == {"hello Ada"}

    def test_an_id_that_is_taken_is_refused(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(wait, "first")
        with pytest.raises(perdure.InstanceAlreadyExistsError, match=handle.instance_id):
            backend_hub.start(greet, "second", instance_id=handle.instance_id)
        handle.raise_event("go", "the")
        assert backend_hub.result(handle) == "the first"
        with pytest.raises(perdure.InstanceAlreadyExistsError):
            backend_hub.start(greet, "third", instance_id=handle.instance_id)

    def test_attaching_joins_an_instance_whether_it_runs_or_has_ended(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(wait, "first")
        run_id = handle.info().run_id
        same = backend_hub.start(wait, "second", instance_id=handle.instance_id, if_exists="attach")
        assert same.info().run_id == run_id
        handle.raise_event("go", "the")
        assert backend_hub.result(same) == "the first"
        again = backend_hub.start(wait, "third", instance_id=handle.instance_id, if_exists="attach")
        assert backend_hub.result(again) == "the first"
        assert again.info().run_id == run_id

    def test_replacing_takes_the_id_of_a_finished_instance_only(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(wait, "first")
        first = handle.info().run_id
        taken = {"instance_id": handle.instance_id, "if_exists": "replace_finished"}
        with pytest.raises(perdure.InstanceAlreadyExistsError):
            backend_hub.start(greet, "second", **taken)
        handle.raise_event("go", "the")
        assert backend_hub.result(handle) == "the first"
        replaced = backend_hub.start(greet, "third", **taken)
        assert backend_hub.result(replaced) == "hello third"
        assert replaced.info().run_id != first

    def test_a_start_waits_for_a_worker_that_knows_the_workflow(
        self, backend_hub: BackendHub
    ) -> None:
        backend_hub.run_worker(Registry())
        handle = backend_hub.start(greet, "Ada")
        backend_hub.settle()
        assert not handle.info().status.is_terminal
        backend_hub.run_worker()
        assert backend_hub.result(handle) == "hello Ada"
