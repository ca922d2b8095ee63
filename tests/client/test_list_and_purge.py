"""Listing and purging: pages come by themselves, and only what is finished is deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure.types import Status
from tests.client.workflows import LIMIT, approve, five, refuse

if TYPE_CHECKING:
    from perdure.app import App
    from perdure.client import Client


async def ids(client: Client, **options: Any) -> list[str]:
    return [info.instance_id async for info in client.list(**options)]


async def finish_some(client: Client, count: int) -> None:
    handles = [await client.start(five, instance_id=f"five-{it}") for it in range(count)]
    for handle in handles:
        await handle.wait(timeout=LIMIT)


async def test_pages_come_by_themselves_newest_first(app: App) -> None:
    async with app.client() as client:
        for number in range(7):
            await client.start(five, instance_id=f"five-{number}")

        assert await ids(client, page_size=3) == [f"five-{number}" for number in range(6, -1, -1)]


async def test_all_that_is_given_must_hold(app: App) -> None:
    async with app.run() as client:
        await finish_some(client, 2)
        await client.start(approve, instance_id="a-1", tags={"team": "blue"})
        await client.start(approve, instance_id="b-1", tags={"team": "red"})
        failed = await client.start(refuse, "no", instance_id="refused")
        await failed.wait(timeout=LIMIT)

        assert await ids(client, status="failed") == ["refused"]
        assert await ids(client, status=["completed", Status.FAILED], name="five") == [
            "five-1",
            "five-0",
        ]
        assert await ids(client, name="approve", id_prefix="a-") == ["a-1"]
        assert await ids(client, tags={"team": "red"}) == ["b-1"]
        assert await ids(client, tags={"team": "red"}, name="five") == []


async def test_since_and_until_take_instants_and_ages(app: App) -> None:
    hour = timedelta(hours=1)
    async with app.client() as client:
        await client.start(five, instance_id="now")

        assert await ids(client, since=hour) == ["now"]
        assert await ids(client, since=datetime.now(UTC) - hour, until=datetime.now(UTC) + hour)
        assert await ids(client, until=hour) == []
        assert await ids(client, since=datetime.now(UTC) + hour) == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"status": "done"}, ValueError, "status is 'pending' or 'running'"),
        ({"since": datetime(2026, 1, 1)}, ValueError, "since has no time zone"),  # noqa: DTZ001
        ({"page_size": 0}, ValueError, "page_size"),
        ({"tags": {"a": 1}}, perdure.PayloadError, "tag 'a'"),
        ({"workflow": "five"}, TypeError, "no option 'workflow'; known: id_prefix, name"),
        ({"finished_before": timedelta()}, TypeError, "no option 'finished_before'"),
    ],
)
async def test_a_wrong_option_is_refused_at_once(
    app: App, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    async with app.client() as client:
        with pytest.raises(error, match=message):
            client.list(**options)


async def test_purging_by_filter_spares_what_runs(app: App) -> None:
    async with app.run() as client:
        await finish_some(client, 5)
        await client.start(approve, instance_id="active")

        assert await client.purge(finished_before=timedelta()) == 5
        assert await ids(client) == ["active"]
        assert await client.purge(finished_before=timedelta()) == 0


async def test_purging_goes_on_over_all_pages(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.client._PURGE_PAGE", 2)
    async with app.run() as client:
        await finish_some(client, 7)

        assert await client.purge(name="five", status=["completed", "failed"]) == 7


async def test_purging_by_age_spares_what_is_younger(app: App) -> None:
    async with app.run() as client:
        await finish_some(client, 1)

        assert await client.purge(finished_before=timedelta(days=7)) == 0
        assert await client.purge(name="refuse") == 0


async def test_purging_one_by_its_id(app: App) -> None:
    async with app.run() as client:
        await finish_some(client, 2)
        await client.start(approve, instance_id="active")

        assert await client.purge("five-0") == 1
        assert await ids(client, name="five") == ["five-1"]
        with pytest.raises(perdure.InstanceActiveError):
            await client.purge("active")
        with pytest.raises(perdure.InstanceNotFoundError):
            await client.purge("five-0")


async def test_purging_must_say_what(app: App) -> None:
    async with app.client() as client:
        with pytest.raises(ValueError, match="say which instances"):
            await client.purge()
        with pytest.raises(ValueError, match="running is no such status"):
            await client.purge(status=["completed", "running"])
        with pytest.raises(ValueError, match="not both"):
            await client.purge("x", name="five")
