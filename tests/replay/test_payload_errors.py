"""Values that are no payload: raised where they are given, and the same again in a replay."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from perdure._replay import ActivityCall, ChildCall
from perdure.errors import NonDeterminismError, PayloadError
from perdure.spi.history import ActivityScheduled, ChildStarted
from tests.replay.stage import ONCE, act, start_child, this

if TYPE_CHECKING:
    from tests.replay.conftest import Begin


def no_json() -> NoReturn:
    raise PayloadError(what="argument 'x'", problem="a tuple is no JSON")


async def bad_activity() -> Any:
    return await this().call_activity(ActivityCall(name="bad", encode=no_json, retry=ONCE))


async def bad_child() -> Any:
    return await this().start_child(ChildCall(workflow="bad", encode=no_json)).result()


@pytest.mark.parametrize("bad", [bad_activity, bad_child])
def test_a_value_that_is_no_payload_fails_the_workflow(begin: Begin, bad: Any) -> None:
    stage = begin(bad)

    assert stage.failure.matches(PayloadError)
    assert stage.commands == ["Failed"]


@pytest.mark.parametrize("bad", [bad_activity, bad_child])
def test_code_that_goes_on_after_one_replays_the_same(begin: Begin, bad: Any) -> None:
    async def run() -> Any:
        await act("first")
        with pytest.raises(PayloadError):
            await bad()
        return [await act("second"), start_child("kid").id]

    stage = begin(run).complete("first").resume().complete("second", 2)

    assert stage.commands == ["first", "second", "child kid", "Completed"]
    numbered = [e for e in stage.journal if isinstance(e, ActivityScheduled | ChildStarted)]
    # The number of the command that could not be made is used up.
    assert [entry.id for entry in numbered] == [1, 3, 4]
    assert stage.result == [2, 4]


def test_the_gap_stays_a_gap_among_commands_of_other_tasks(begin: Begin) -> None:
    async def run() -> Any:
        results = await asyncio.gather(act("a"), bad_activity(), act("b"), return_exceptions=True)
        return [str(result) for result in results]

    stage = begin(run).resume().complete("b", 2).resume().complete("a", 1)

    assert stage.result == ["1", "argument 'x': a tuple is no JSON", "2"]


def test_code_whose_value_has_become_a_payload_is_a_mismatch(begin: Begin) -> None:
    encode: Any = no_json

    async def run() -> Any:
        try:
            call = ActivityCall(name="bad", encode=lambda: encode(), retry=ONCE)
            await this().call_activity(call)
        except PayloadError:
            await act("next")

    stage = begin(run, is_checked=False)
    encode = lambda: "[]"  # noqa: E731 - the change

    with pytest.raises(NonDeterminismError) as caught:
        stage.rebuilt(strict=False)
    assert caught.value.recorded == "ActivityScheduled 'next' (command 2)"
    assert caught.value.asked == "ActivityScheduled 'bad' (command 1)"


def test_a_strict_replay_tells_of_a_value_that_is_no_payload_any_more(begin: Begin) -> None:
    encode: Any = lambda: "[]"  # noqa: E731 - to be changed

    async def run() -> Any:
        with contextlib.suppress(PayloadError):
            call = ActivityCall(name="a", encode=lambda: encode(), retry=ONCE)
            await this().call_activity(call)

    stage = begin(run, is_checked=False)
    encode = no_json

    stage.rebuilt(strict=False).close()
    with pytest.raises(NonDeterminismError, match="a payload that cannot be made: PayloadError"):
        stage.rebuilt(strict=True)


def test_a_result_that_is_no_payload_fails_the_workflow(begin: Begin) -> None:
    async def run() -> Any:
        await act("a")
        return object()

    assert begin(run).complete("a").failure.type == "TypeError"


def test_every_falsy_value_comes_back_as_it_was(begin: Begin) -> None:
    values: list[Any] = [None, 0, 0.0, False, "", [], {}]

    async def run() -> Any:
        return [await act("a", value) for value in values]

    stage = begin(run)
    for value in values:
        assert json.loads(stage.executor.open_activities()[0].arguments) == [value]
        stage.complete("a", value)
    assert stage.result == values
    assert [type(value) for value in stage.result] == [type(value) for value in values]
