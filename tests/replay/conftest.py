"""Fixtures of the replay core's tests."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.replay.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator


class Begin(Protocol):
    """Puts a workflow on a stage and begins its run."""

    def __call__(
        self,
        run: Callable[[], Coroutine[Any, Any, Any]],
        *,
        is_checked: bool = True,
        **options: Any,  # those of Stage
    ) -> Stage: ...


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Begin runs; in the end, replay each from every prefix of its journal, unless told not to."""
    checked: list[Stage] = []
    stages: list[Stage] = []

    def begin_run(
        run: Callable[[], Coroutine[Any, Any, Any]], *, is_checked: bool = True, **options: Any
    ) -> Stage:
        stage = Stage(run, **options)
        stages.append(stage)
        if is_checked:
            checked.append(stage)
        return stage.start()

    yield begin_run
    for stage in stages:
        stage.executor.close()
    for stage in checked:
        stage.check()


@pytest.fixture(autouse=True)
def silence(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test that left something in the log; one that expects it clears ``caplog``."""
    yield
    noise = [r for r in caplog.get_records("call") if r.levelno >= logging.WARNING]
    assert not noise, [record.getMessage() for record in noise]


@pytest.fixture
def silent_programs() -> Iterator[None]:
    """Let only errors of the core itself into the log; programs leave theirs to nobody."""

    def is_ours(record: logging.LogRecord) -> bool:
        return "never retrieved" not in record.getMessage()

    logger = logging.getLogger("perdure.workflow")
    logger.addFilter(is_ours)
    yield
    logger.removeFilter(is_ours)
