"""What a workflow may ask for: the same answers in a replay, a clear refusal elsewhere."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure import NotInWorkflowError, Registry
from tests.api.driving import Run

if TYPE_CHECKING:
    from collections.abc import Callable

registry = Registry()
seen: list[perdure.WorkflowInfo] = []
log = perdure.logger("tests.trip")


@registry.activity
async def step(number: int) -> int:
    return number


@registry.workflow
async def draw() -> list[Any]:
    first = [str(perdure.uuid4()), perdure.random().random(), perdure.now().isoformat()]
    await asyncio.sleep(5)
    return [*first, str(perdure.uuid4()), perdure.random().random(), perdure.now().isoformat()]


@registry.workflow
async def observed() -> None:
    seen.append(perdure.current_workflow())
    log.info("step %d", 1, extra={"colour": "red", "instance_id": "mine"})
    await step(1)
    log.info("step %d", 2)


OUTSIDE: list[Callable[[], object]] = [
    perdure.now,
    perdure.uuid4,
    perdure.random,
    perdure.current_workflow,
    lambda: perdure.patched("x"),
    lambda: perdure.set_custom_status({}),
    lambda: perdure.continue_as_new(1),
]


@pytest.mark.parametrize("function", OUTSIDE)
def test_outside_a_workflow_is_refused(function: Callable[[], object]) -> None:
    async def main() -> None:
        function()

    with pytest.raises(NotInWorkflowError, match="only inside a running workflow"):
        function()
    with pytest.raises(NotInWorkflowError):
        asyncio.run(main())


def test_time_and_chance_are_the_same_in_a_replay() -> None:
    run = Run(draw)
    run.advance(5)

    assert run.rebuild().outcome == run.executor.outcome
    assert '"1970-01-01T00:00:01+00:00"' in run.result
    assert '"1970-01-01T00:00:06+00:00"' in run.result


def test_draws_differ_from_one_another() -> None:
    @Registry().workflow
    async def draws() -> int:
        return len({perdure.uuid4() for _ in range(100)} | {perdure.random().random()})

    assert Run(draws).result == "101"


def test_current_workflow_tells_what_it_is() -> None:
    seen.clear()
    run = Run(observed, tags={"team": "blue"}, headers={"traceparent": "00-1"})
    run.rebuild()

    live, replayed = seen
    assert (live.instance_id, live.run_id, live.name) == ("trip-1", "run-1", "observed")
    assert live.started_at == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert dict(live.tags) == {"team": "blue"}
    assert dict(live.headers) == {"traceparent": "00-1"}
    assert live.parent is None
    assert (live.is_replaying, replayed.is_replaying) == (False, True)


def test_current_workflow_cannot_be_changed() -> None:
    seen.clear()
    Run(observed)

    with pytest.raises(dataclasses.FrozenInstanceError):
        seen[0].run_id = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        seen[0].tags["team"] = "red"  # type: ignore[index]


def test_logger_is_silent_while_replaying(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    run = Run(observed)
    assert [record.message for record in caplog.records] == ["step 1"]

    caplog.clear()
    rebuilt = run.rebuild()
    assert not caplog.records

    run.complete(1, "1")
    rebuilt.close()
    assert [record.message for record in caplog.records] == ["step 2"]


def test_logger_says_which_instance_speaks(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Run(observed)

    (record,) = caplog.records
    fields = vars(record)
    assert record.name == "tests.trip"
    assert (fields["instance_id"], fields["run_id"]) == ("trip-1", "run-1")
    assert (fields["workflow"], fields["colour"]) == ("observed", "red")


def test_logger_works_outside_a_workflow(caplog: pytest.LogCaptureFixture) -> None:
    log.warning("plain")

    (record,) = caplog.records
    assert record.message == "plain"
    assert not hasattr(record, "instance_id")


def test_logger_heeds_levels() -> None:
    logging.getLogger("tests.trip").setLevel(logging.ERROR)
    try:
        assert not log.isEnabledFor(logging.INFO)
    finally:
        logging.getLogger("tests.trip").setLevel(logging.NOTSET)


@pytest.mark.parametrize(
    "value", [None, 0, False, "", [], {}, {"paid": False, "share": 0.5}, "ü\0"]
)
def test_custom_status_takes_json_as_it_is(value: Any) -> None:
    @Registry().workflow
    async def show() -> None:
        perdure.set_custom_status(value)
        await asyncio.sleep(1)

    run = Run(show)

    converter = perdure.event_type("same")
    assert run.executor.custom_status_json is not None
    assert converter.decode(run.executor.custom_status_json) == value
    assert run.rebuild().custom_status_json == run.executor.custom_status_json


@pytest.mark.parametrize("value", [(1, 2), {1, 2}, float("nan"), {1: 2}, object(), b"x"])
def test_custom_status_refuses_what_json_would_change(value: Any) -> None:
    @Registry().workflow
    async def show() -> None:
        perdure.set_custom_status(value)

    failure = Run(show).failure

    assert failure.type == "perdure.errors.PayloadError"
    assert "custom status" in failure.message


def test_patched_follows_the_stamp_of_the_run() -> None:
    @Registry().workflow(name="branch")
    async def before() -> int:
        return await step(1)

    @Registry().workflow(name="branch", patches=("reserve",))
    async def after() -> int:
        return 2 if perdure.patched("reserve") else await step(1)

    old = Run(before)
    old.workflow = after
    old.executor = old.rebuild()
    old.complete(1, "1")

    assert old.result == "1"
    assert Run(after).result == "2"


def test_patch_that_is_not_declared_is_a_mistake() -> None:
    @Registry().workflow
    async def branch() -> bool:
        return perdure.patched("reserve")

    failure = Run(branch).failure

    assert failure.type == "ValueError"
    assert "patches=('reserve',)" in failure.message


def test_continue_as_new_takes_arguments_of_this_workflow() -> None:
    @Registry().workflow
    async def count(number: int, *, step: int = 1) -> None:
        perdure.continue_as_new(number + step, step=2)

    run = Run(count, '{"number": 1}')

    assert run.next_run.arguments == '{"number":2,"step":2}'


def test_continue_as_new_takes_a_bound_call_of_this_workflow() -> None:
    @Registry().workflow
    async def count(number: int) -> None:
        perdure.continue_as_new(count.bind(number + 1))

    assert Run(count, '{"number": 1}').next_run.arguments == '{"number":2}'


def test_continue_as_new_refuses_another_workflow() -> None:
    @Registry().workflow
    async def count(number: int) -> None:
        perdure.continue_as_new(draw.bind())

    failure = Run(count, '{"number": 1}').failure

    assert failure.type == "ValueError"
    assert "'count' can continue as itself, not as 'draw'" in failure.message


@pytest.mark.parametrize(
    ("args", "error"),
    [((), "TypeError"), ((1, 2), "TypeError"), (("x",), "perdure.errors.PayloadError")],
)
def test_continue_as_new_checks_its_arguments(args: tuple[Any, ...], error: str) -> None:
    @Registry().workflow
    async def count(number: int) -> None:
        perdure.continue_as_new(*args)

    assert Run(count, '{"number": 1}').failure.type == error


def test_continue_as_new_works_in_a_task_with_an_empty_context() -> None:
    @Registry().workflow
    async def count(number: int) -> None:
        async def again() -> None:
            perdure.continue_as_new(number + 1)

        task = asyncio.get_running_loop().create_task(again(), context=contextvars.Context())
        await task

    assert Run(count, '{"number": 1}').next_run.arguments == '{"number":2}'


def test_continue_as_new_is_not_swallowed_by_except_exception() -> None:
    @Registry().workflow
    async def count(number: int) -> None:
        try:
            perdure.continue_as_new(number + 1)
        except Exception:  # noqa: BLE001 - as careless frameworks do
            return

    assert Run(count, '{"number": 1}').next_run.arguments == '{"number":2}'
