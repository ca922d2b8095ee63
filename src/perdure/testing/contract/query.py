"""Query: instances are found by what is known of them, newest first, page by page."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry, Status
from perdure.spi import Capability
from perdure.testing.contract.contract import Contract

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()


@registry.workflow(name="query_wait")
async def wait() -> None:
    """Wait for the event ``go``."""
    await perdure.wait_for_event("go")


@registry.workflow(name="query_end")
async def end() -> None:
    """End at once."""


def _start_some(hub: BackendHub, count: int) -> list[str]:
    """Start so many of each kind under one prefix, and return their ids, newest first."""
    prefix = hub.new_id("q")
    ids = []
    for number in range(count):
        for workflow in (wait, end):
            handle = hub.start(workflow, instance_id=f"{prefix}-{workflow.name[6:]}-{number}")
            ids.append(handle.instance_id)
            hub.let_pass(0.01)
            if workflow is end:
                hub.result(handle)
    return ids[::-1]


@pytest.mark.capability(Capability.QUERY)
class Query(Contract):
    """Listing, and purging by filter."""

    registry = registry

    def test_a_listing_is_newest_first_and_complete_whatever_the_size_of_its_pages(
        self, backend_hub: BackendHub
    ) -> None:
        ids = _start_some(backend_hub, 3)
        prefix = ids[0][:14]
        for page_size in (1, 2, 4, 100):
            found = backend_hub.client.list(id_prefix=prefix, page_size=page_size)
            assert [info.instance_id for info in found] == ids

    def test_a_filter_finds_those_that_match_in_all(self, backend_hub: BackendHub) -> None:
        ids = _start_some(backend_hub, 2)
        prefix = ids[0][:14]

        def found(**options: object) -> set[str]:
            listed = backend_hub.client.list(id_prefix=prefix, **options)  # type: ignore[arg-type]  # each option has its own type
            return {info.instance_id for info in listed}

        ended = {each for each in ids if "-end-" in each}
        assert found(name="query_end") == ended
        assert found(status="completed") == ended
        assert found(status=[Status.RUNNING, Status.PENDING]) == set(ids) - ended
        assert found(status="failed") == set()
        assert found(name="query_end", status="running") == set()
        assert found(since=timedelta(days=1)) == set(ids)
        assert found(until=timedelta(days=1)) == set()

    def test_what_is_listed_is_what_asking_for_one_tells(self, backend_hub: BackendHub) -> None:
        ids = _start_some(backend_hub, 1)
        listed = list(backend_hub.client.list(id_prefix=ids[0][:14]))
        for info in listed:
            asked = backend_hub.client.get(None, info.instance_id).info()
            assert (info.name, info.run_id) == (asked.name, asked.run_id)
            assert info.created_at == asked.created_at

    def test_finished_instances_are_purged_by_filter_and_others_stay(
        self, backend_hub: BackendHub
    ) -> None:
        ids = _start_some(backend_hub, 3)
        prefix = ids[0][:14]
        backend_hub.let_pass(0.01)
        assert backend_hub.client.purge(finished_before=timedelta(), id_prefix=prefix) == 3
        left = {info.instance_id for info in backend_hub.client.list(id_prefix=prefix)}
        assert left == {each for each in ids if "-wait-" in each}


@pytest.mark.capability(Capability.TAGS)
@pytest.mark.capability(Capability.QUERY)
class Tags(Contract):
    """Tags: given at the start, seen, and searched for."""

    registry = registry

    def test_tags_are_seen_and_found(self, backend_hub: BackendHub) -> None:
        customer = backend_hub.new_id("customer")
        one = backend_hub.start(end, tags={"customer": customer, "kind": "ä"})
        two = backend_hub.start(end, tags={"customer": customer})
        backend_hub.start(end)
        assert dict(one.info().tags) == {"customer": customer, "kind": "ä"}

        def found(tags: dict[str, str]) -> set[str]:
            return {info.instance_id for info in backend_hub.client.list(tags=tags)}

        assert found({"customer": customer}) == {one.instance_id, two.instance_id}
        assert found({"customer": customer, "kind": "ä"}) == {one.instance_id}
        assert found({"customer": backend_hub.new_id()}) == set()
