"""Random numbers, custom status, and what is silent during a replay."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from typing import TYPE_CHECKING, Any

from perdure.spi.journal import decode_journal, encode_journal
from tests.replay.stage import Stage, act, this

if TYPE_CHECKING:
    import pytest

    from tests.replay.conftest import Begin


async def draw() -> Any:
    return [str(this().uuid4()), this().random.random(), str(this().uuid4())]


def test_draws_come_of_the_seed_alone(begin: Begin) -> None:
    assert begin(draw, seed="one").result == begin(draw, seed="one").result
    assert begin(draw, seed="one").result != begin(draw, seed="two").result


def test_draws_are_the_same_whatever_python_drew_them(begin: Begin) -> None:
    # Part of the format: a run begun under one version draws on under another.
    assert begin(draw, seed="seed").result == [
        "c56df1ab-146f-4d4b-893f-dedf3986a0b5",
        0.9340907223089963,
        "388a7615-107a-4856-aefe-cc2940216468",
    ]


def test_uuids_are_of_version_four_and_differ(begin: Begin) -> None:
    first, _, second = begin(draw).result

    assert uuid.UUID(first).version == uuid.UUID(second).version == 4
    assert first != second


def test_uuids_do_not_shift_what_random_draws(begin: Begin) -> None:
    async def with_uuids() -> Any:
        this().uuid4()
        return this().random.random()

    async def without() -> Any:
        return this().random.random()

    assert begin(with_uuids).result == begin(without).result


def test_draws_go_on_after_a_rebuild_where_they_were(begin: Begin) -> None:
    async def run() -> Any:
        before = await draw()
        await act("a")
        return [before, await draw()]

    straight = begin(run).complete("a").result

    assert begin(run).resume().complete("a").result == straight


def test_a_custom_status_is_there_again_after_a_rebuild(begin: Begin) -> None:
    async def run() -> Any:
        this().set_custom_status('{"at":1}')
        await act("a")
        this().set_custom_status('{"at":2}')
        await act("b")

    stage = begin(run)
    assert stage.executor.custom_status_json == '{"at":1}'

    stage.complete("a").resume()

    assert stage.executor.custom_status_json == '{"at":2}'


def test_the_code_can_tell_a_replay_from_the_first_time(begin: Begin) -> None:
    seen: list[bool] = []

    async def run() -> Any:
        seen.append(this().is_replaying)
        await act("a")
        seen.append(this().is_replaying)
        return 1

    begin(run, is_checked=False).resume().complete("a")

    assert seen == [False, True, False]


def noisy(begin: Begin) -> Stage:
    """Return a run in which a callback has raised, which asyncio would log."""

    def callback() -> None:
        raise ValueError("in a callback")

    async def run() -> Any:
        asyncio.get_running_loop().call_soon(callback)
        await act("a")

    return begin(run, is_checked=False)


def test_an_error_nobody_takes_is_logged_with_the_instance(
    begin: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    noisy(begin)

    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.ERROR, "perdure.workflow")
    assert vars(record)["instance_id"] == "play-1"
    caplog.clear()


def test_an_error_nobody_takes_is_not_logged_again_by_a_replay(
    begin: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    stage = noisy(begin)
    caplog.clear()

    stage.rebuilt().close()

    assert caplog.records == []


def test_a_journal_is_the_same_after_its_text(begin: Begin) -> None:
    async def run() -> Any:
        await act("a", "é\u2028\x00", {"": [1.5, None]})
        return await draw()

    journal = begin(run).complete("a", {"ü": "\n"}).journal

    assert decode_journal(encode_journal(journal)) == journal
    assert all(json.loads(line) for line in encode_journal(journal).split("\n"))
