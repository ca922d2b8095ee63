"""Code that no longer matches its history is reported, and never guessed about."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from perdure._replay import ActivityCall
from perdure.errors import NonDeterminismError
from perdure.spi.history import ActivityScheduled
from tests.replay.stage import ONCE, Stage, act, event, start_child, this

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.replay.conftest import Begin


def activity(name: str) -> Callable[[], Awaitable[Any]]:
    return lambda: act(name)


def timer(seconds: float) -> Callable[[], Awaitable[Any]]:
    return lambda: asyncio.sleep(seconds)


def child(name: str) -> Callable[[], Awaitable[Any]]:
    async def start() -> None:
        start_child(name)

    return start


def mismatch(stage: Stage, *, strict: bool = False) -> NonDeterminismError:
    with pytest.raises(NonDeterminismError) as caught:
        stage.rebuilt(strict=strict)
    return caught.value


class Changing:
    """A workflow whose steps are changed between its run and its replay."""

    def __init__(self, *steps: Callable[[], Awaitable[Any]]) -> None:
        self.steps = steps

    async def run(self) -> Any:
        return await asyncio.gather(*(step() for step in self.steps))


CHANGES = {
    "added at the end": ([activity("a")], [activity("a"), activity("b")], "nothing more", "'b'"),
    "added before": ([activity("a")], [activity("b"), activity("a")], "'a'", "'b'"),
    "removed at the end": ([activity("a"), activity("b")], [activity("a")], "'b'", "nothing"),
    "removed before": ([activity("a"), activity("b")], [activity("b")], "'a'", "'b'"),
    "renamed": ([activity("a")], [activity("z")], "'a'", "'z'"),
    "reordered": (
        [activity("a"), activity("b")],
        [activity("b"), activity("a")],
        "'a' (command 1)",
        "'b'",
    ),
    "another kind": ([activity("a")], [timer(5)], "ActivityScheduled 'a'", "TimerCreated"),
    "a child renamed": (
        [child("kid"), activity("a")],
        [child("cub"), activity("a")],
        "ChildStarted 'kid'",
        "ChildStarted 'cub'",
    ),
    "a timer removed": ([timer(5), activity("a")], [activity("a")], "TimerCreated", "'a'"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_command_is_an_error_that_names_both_sides(begin: Begin, change: str) -> None:
    before, after, recorded, asked = CHANGES[change]
    code = Changing(*before)
    stage = begin(code.run, is_checked=False)
    code.steps = tuple(after)

    error = mismatch(stage)

    assert recorded in error.recorded
    assert asked in error.asked
    assert error.instance_id == "play-1"
    assert all(part in str(error) for part in (error.recorded, error.asked, "perdure.patched"))


def test_the_error_says_at_which_entry_of_the_journal(begin: Begin) -> None:
    code = Changing(activity("a"), activity("b"), activity("c"))
    stage = begin(code.run, is_checked=False)
    code.steps = (activity("a"), activity("b"), activity("z"))

    # The start, a and b came before.
    assert mismatch(stage).position == 3


@pytest.mark.parametrize("caught", [Exception, BaseException])
def test_code_that_swallows_the_error_is_reported_all_the_same(begin: Begin, caught: Any) -> None:
    name = "a"

    async def run() -> Any:
        try:
            return await act(name)
        except caught:
            return "swallowed"

    stage = begin(run, is_checked=False)
    name = "b"

    assert mismatch(stage).asked == "ActivityScheduled 'b'"


def test_a_mismatch_in_a_timer_of_a_callback_is_reported(begin: Begin) -> None:
    seconds = [5.0]

    async def run() -> Any:
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: [loop.call_later(s, print) for s in seconds])
        await event("go")

    stage = begin(run, is_checked=False)
    seconds.append(6.0)

    assert mismatch(stage).asked == "TimerCreated (command 2)"


def test_an_end_that_history_does_not_have_is_reported(begin: Begin) -> None:
    is_short = False

    async def run() -> Any:
        return None if is_short else await act("a")

    stage = begin(run, is_checked=False)
    is_short = True

    error = mismatch(stage)
    assert (error.recorded, error.asked) == ("ActivityScheduled 'a' (command 1)", "Completed")


def test_code_that_fails_where_it_returned_tells_its_error(begin: Begin) -> None:
    is_broken = False

    async def run() -> Any:
        await act("a")
        if is_broken:
            raise KeyError("typo")

    stage = begin(run, is_checked=False).complete("a")
    is_broken = True

    error = mismatch(stage)
    assert (error.recorded, error.asked) == ("Completed", "Failed with KeyError: 'typo'")


def test_code_that_waits_where_it_returned_is_reported(begin: Begin) -> None:
    is_longer = False

    async def run() -> Any:
        await act("a")
        if is_longer:
            await event("more")

    stage = begin(run, is_checked=False).complete("a")
    is_longer = True

    error = mismatch(stage)
    assert (error.recorded, error.asked) == ("Completed", "nothing")


def test_what_changes_after_the_journals_end_is_new_and_not_a_mismatch(begin: Begin) -> None:
    name = "b"

    async def run() -> Any:
        await act("a")
        return await act(name)

    stage = begin(run, is_checked=False)
    name = "c"

    assert stage.resume().complete("a").commands == ["a", "c"]


def test_a_longer_sleep_keeps_its_recorded_deadline(begin: Begin) -> None:
    seconds = 5

    async def run() -> Any:
        await asyncio.sleep(seconds)
        return "awake"

    stage = begin(run, is_checked=False)
    seconds = 50

    assert stage.resume(strict=False).advance(5).result == "awake"


STRICTLY: dict[str, tuple[Callable[[], Any], Callable[[], Any], str]] = {
    "arguments": (lambda: act("a", 1), lambda: act("a", 2), "arguments='[1]'"),
    "deadline": (lambda: asyncio.sleep(5), lambda: asyncio.sleep(6), "fire_at_us="),
    "delivery": (
        lambda: act("a"),
        lambda: act("a", delivery="at_most_once"),
        "delivery='at_least_once'",
    ),
}


@pytest.mark.parametrize("what", STRICTLY)
def test_a_strict_replay_compares_payloads_and_options_too(begin: Begin, what: str) -> None:
    before, after, told = STRICTLY[what]
    step = before

    async def run() -> Any:
        await step()

    stage = begin(run, is_checked=False)
    step = after

    stage.rebuilt(strict=False).close()
    assert told in mismatch(stage, strict=True).recorded


def test_a_strict_replay_compares_the_result(begin: Begin) -> None:
    value = 1

    async def run() -> Any:
        return value

    stage = begin(run, is_checked=False)
    value = 2

    assert "result='1'" in mismatch(stage, strict=True).recorded


def test_a_strict_replay_takes_equal_json_for_equal(begin: Begin) -> None:
    async def run() -> Any:
        return await act("a", {"x": 1, "y": [2, "é"]})

    stage = begin(run)
    text = stage.executor.open_activities()[0].arguments
    assert text == '[{"x": 1, "y": [2, "\\u00e9"]}]'
    stage.journal[1] = ActivityScheduled(
        at_us=stage.now_us, id=1, name="a", arguments='[{"y":[2,"é"],"x":1}]', key_id=1
    )

    stage.rebuilt(strict=True).close()


def test_a_replay_encodes_nothing_that_history_has(begin: Begin) -> None:
    encoded: list[str] = []

    def encode() -> str:
        encoded.append("again")
        return "{}"

    async def run() -> None:
        await this().call_activity(ActivityCall(name="a", encode=encode, retry=ONCE))

    stage = begin(run, is_checked=False)
    stage.rebuilt(strict=False).close()
    assert encoded == ["again"]

    stage.rebuilt(strict=True).close()
    assert encoded == ["again"] * 2
