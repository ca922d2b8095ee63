"""Starting workflows: what is accepted, what is refused, and what the handle then gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from tests.client.workflows import LIMIT, Order, approve, five, give_none, join, place, twice

if TYPE_CHECKING:
    from perdure.app import App


async def test_a_workflow_without_arguments(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(five)

        assert await handle.result(timeout=LIMIT) == 5


async def test_arguments_and_result_keep_their_types(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(place, Order(number=7), 2)

        assert await handle.result(timeout=LIMIT) == [Order(number=7), Order(number=7)]


async def test_a_default_need_not_be_given(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(join, "a", "b", "c")

        assert await handle.result(timeout=LIMIT) == "abcde"


async def test_a_bound_call_takes_any_arguments(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(join.bind("1", "2", "3", "4", e="5"), instance_id="bound")

        assert await handle.result(timeout=LIMIT) == "12345"


async def test_a_result_of_none_is_none(app: App) -> None:
    async with app.run() as client:
        handle = await client.start(give_none)

        info = await handle.wait(timeout=LIMIT)
        assert info.output_json == "null"
        assert await handle.result() is None  # type: ignore[func-returns-value]  # the case itself


async def test_by_name_with_arguments_for_a_workflow_elsewhere(app: App) -> None:
    async with app.client() as client:
        handle = await client.start("elsewhere", arguments={"city": "Oslo", "days": [1, None]})

        info = await handle.info()
        assert info.name == "elsewhere"
        assert info.input_json == '{"city":"Oslo","days":[1,null]}'


async def test_by_name_the_result_of_a_workflow_of_the_app_is_typed(app: App) -> None:
    async with app.run() as client:
        handle = await client.start("place", Order(number=3))

        assert await handle.result(timeout=LIMIT) == [Order(number=3)]


async def test_positions_need_a_workflow_that_is_known(app: App) -> None:
    async with app.client() as client:
        with pytest.raises(TypeError, match=r"'elsewhere' is not registered .* arguments="):
            await client.start("elsewhere", "Oslo")


@pytest.mark.parametrize("instance_id", ["", "a/b", "x" * 65, "å", "two words", "line\n"])
async def test_an_id_that_not_every_backend_takes_is_refused(app: App, instance_id: str) -> None:
    async with app.client() as client:
        with pytest.raises(perdure.InvalidInstanceIdError):
            await client.start(five, instance_id=instance_id)
        with pytest.raises(perdure.InvalidInstanceIdError):
            client.get(five, instance_id)


async def test_an_id_of_64_characters_is_accepted(app: App) -> None:
    async with app.client() as client:
        handle = await client.start(five, instance_id="x" * 64)

        assert (await handle.info()).instance_id == "x" * 64


async def test_an_id_is_made_up_if_none_is_given(app: App) -> None:
    async with app.client() as client:
        ids = {(await client.start(five)).instance_id for _ in range(3)}

        assert len(ids) == 3


async def test_the_same_id_twice_is_an_error(app: App) -> None:
    async with app.client() as client:
        await client.start(approve, instance_id="once")

        with pytest.raises(perdure.InstanceAlreadyExistsError, match="'once'"):
            await client.start(approve, instance_id="once")


async def test_attaching_gives_the_result_of_the_first(app: App) -> None:
    async with app.run() as client:
        await client.start(twice, 1, instance_id="once")
        handle = await client.start(twice, 100, instance_id="once", if_exists="attach")

        assert await handle.result(timeout=LIMIT) == 2


async def test_replacing_needs_the_first_to_have_finished(app: App) -> None:
    async with app.run() as client:
        await client.start(approve, instance_id="busy")
        done = await client.start(twice, 1, instance_id="done")
        await done.wait(timeout=LIMIT)

        again = await client.start(twice, 4, instance_id="done", if_exists="replace_finished")
        with pytest.raises(perdure.InstanceAlreadyExistsError):
            await client.start(approve, instance_id="busy", if_exists="replace_finished")

        assert await again.result(timeout=LIMIT) == 8


async def test_what_is_started_with_is_kept(app: App) -> None:
    start_at = datetime(2090, 1, 1, tzinfo=UTC)
    async with app.client() as client:
        handle = await client.start(
            five, start_at=start_at, tags={"team": "blue"}, headers={"traceparent": "00-ab"}
        )

        info = await handle.info()
        assert info.start_at == start_at
        assert info.tags == {"team": "blue"}
        assert info.headers == {"traceparent": "00-ab"}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"if_exists": "ignore"}, ValueError, "if_exists is 'raise' or 'attach'"),
        ({"start_at": datetime(2090, 1, 1)}, ValueError, "start_at has no time zone"),  # noqa: DTZ001
        ({"start_at": "tomorrow"}, TypeError, "start_at is a datetime"),
        ({"execution_timeout": timedelta()}, ValueError, "must be positive"),
        ({"execution_timeout": 60}, TypeError, "timedelta"),
        ({"tags": {"team": 1}}, perdure.PayloadError, "tag 'team': must be text"),
        ({"headers": {"a": None}}, perdure.PayloadError, "header 'a': must be text"),
        ({"id": "x"}, TypeError, "no option 'id'; known: execution_timeout, headers"),
    ],
)
async def test_a_wrong_option_is_refused(
    app: App, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    async with app.client() as client:
        with pytest.raises(error, match=message):
            await client.start(five, **options)
        assert [info async for info in client.list()] == []


@pytest.mark.parametrize("target", [print, 5, None, object()])
async def test_what_is_no_workflow_is_refused(app: App, target: Any) -> None:
    async with app.client() as client:
        with pytest.raises(TypeError, match="a workflow is wanted here"):
            await client.start(target)


async def test_arguments_that_do_not_fit_are_refused_before_any_call(app: App) -> None:
    target: Any = twice
    async with app.client() as client:
        with pytest.raises(TypeError, match="twice"):
            await client.start(target)
        with pytest.raises(perdure.PayloadError, match="argument 'number' of workflow 'twice'"):
            await client.start(target, "seven")
        assert [info async for info in client.list()] == []
