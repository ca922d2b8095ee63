"""Child workflows."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from perdure._replay.calls import child_instance_id
from perdure.errors import (
    InstanceAlreadyExistsError,
    WorkflowCancelledError,
    WorkflowFailedError,
    WorkflowTerminatedError,
)
from perdure.spi.history import ChildStarted
from perdure.types import Failure
from tests.replay.stage import act, child, start_child

if TYPE_CHECKING:
    from tests.replay.conftest import Begin


def test_a_child_returns_its_result(begin: Begin) -> None:
    async def run() -> Any:
        return await child("kid")

    stage = begin(run)

    assert stage.commands == ["child kid"]
    assert stage.complete("kid", [0]).result == [0]


def test_a_child_without_an_id_gets_one_made_of_its_parents(begin: Begin) -> None:
    async def run() -> Any:
        return [start_child("kid").instance_id, start_child("kid").instance_id]

    first, second = begin(run).result

    assert first != second
    assert first.startswith("play-1-")
    assert len(first) == len("play-1-") + 16


def test_a_childs_own_id_is_kept(begin: Begin) -> None:
    async def run() -> Any:
        return start_child("kid", instance_id="mine", on_parent_end="abandon").instance_id

    stage = begin(run)

    assert stage.result == "mine"
    (started,) = [entry for entry in stage.journal if isinstance(entry, ChildStarted)]
    assert started.instance_id == "mine"
    assert started.on_parent_end == "abandon"
    assert started.headers == {"trace": "t-1"}


def test_a_child_starts_at_once_whether_or_not_it_is_awaited(begin: Begin) -> None:
    async def run() -> Any:
        start_child("kid")
        return await act("a")

    stage = begin(run)

    assert stage.commands == ["child kid", "a"]
    assert stage.complete("a", 1).result == 1


def test_giving_up_the_wait_leaves_the_child_running(begin: Begin) -> None:
    async def run() -> Any:
        kid = start_child("kid")
        try:
            async with asyncio.timeout(5):
                await kid.result()
        except TimeoutError:
            return ["late", json.loads(await kid.result())]

    stage = begin(run).advance(5)

    assert stage.open == ["kid"]
    assert stage.complete("kid", 1).result == ["late", 1]


def test_a_childs_result_can_be_had_twice(begin: Begin) -> None:
    async def run() -> Any:
        kid = start_child("kid")
        both = await asyncio.gather(kid.result(), kid.result())
        return [*both, await kid.result()]

    assert begin(run).complete("kid", 1).result == ["1", "1", "1"]


@pytest.mark.parametrize(
    ("failure_type", "raised"),
    [
        ("ValueError", WorkflowFailedError),
        ("asyncio.exceptions.CancelledError", WorkflowCancelledError),
        ("perdure.errors.WorkflowTerminatedError", WorkflowTerminatedError),
        ("perdure.errors.InstanceAlreadyExistsError", InstanceAlreadyExistsError),
    ],
)
def test_how_a_child_failed_is_raised(begin: Begin, failure_type: str, raised: Any) -> None:
    async def run() -> Any:
        with pytest.raises(raised) as caught:
            await child("kid")
        return type(caught.value).__name__

    stage = begin(run).fail("kid", Failure(type=failure_type, message="why"))

    assert stage.result == raised.__name__


def test_a_failed_child_tells_which_and_why(begin: Begin) -> None:
    async def run() -> Any:
        try:
            await start_child("kid", instance_id="kid-7").result()
        except WorkflowFailedError as error:
            return [error.instance_id, error.failure.message, error.matches(KeyError)]

    assert begin(run).fail("kid", KeyError("k")).result == ["kid-7", "'k'", True]


def test_a_failed_child_nobody_waits_for_troubles_nobody(begin: Begin) -> None:
    async def run() -> Any:
        start_child("kid")
        return await act("a")

    assert begin(run).fail("kid", ValueError("no")).complete("a", 1).result == 1


def test_the_parents_id_is_cut_where_a_childs_would_be_too_long(begin: Begin) -> None:
    async def run() -> Any:
        return await act("a")

    executor = begin(run).executor
    executor.instance_id = "x" * 64

    assert len(child_instance_id(executor, 1)) == 64
