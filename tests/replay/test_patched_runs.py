"""Patches: pinned per run, so that runs in flight keep the branch they began with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from perdure._replay import WorkflowDefinition, WorkflowExecutor
from tests.replay.stage import act, this

if TYPE_CHECKING:
    from perdure.spi.history import WorkflowStarted
    from tests.replay.conftest import Begin


async def choose() -> Any:
    return await act("new" if this().patched("faster") else "old")


def test_a_run_takes_the_branch_of_the_patches_its_code_declares(begin: Begin) -> None:
    stage = begin(choose, patches=("faster",))

    assert stage.commands == ["new"]
    assert cast("WorkflowStarted", stage.journal[0]).patches == ("faster",)


def test_a_run_from_before_the_patch_keeps_the_old_branch(begin: Begin) -> None:
    async def before() -> Any:
        return await act("old")

    old = begin(before)
    new = begin(choose, patches=("faster",))

    executor = WorkflowExecutor.rebuild(new.definition, old.journal, strict=True)
    assert [activity.name for activity in executor.open_activities()] == ["old"]
    executor.close()


def test_patches_stamped_into_a_start_are_left_as_they_are(begin: Begin) -> None:
    stage = begin(choose, patches=("faster",))
    started = replace(cast("WorkflowStarted", stage.journal[0]), patches=(), python="3.99")
    executor = WorkflowExecutor(stage.definition)

    entries = executor.deliver(started)

    assert entries[0] is started
    assert [activity.name for activity in executor.open_activities()] == ["old"]
    executor.close()


def test_a_start_is_stamped_with_the_versions_that_began_it(begin: Begin) -> None:
    started = cast("WorkflowStarted", begin(lambda: act("a")).journal[0])

    assert started.patches == ()
    assert started.python.startswith("3.")
    assert started.perdure


def test_asking_for_a_patch_nobody_declares_is_an_error(begin: Begin) -> None:
    async def run() -> Any:
        with pytest.raises(ValueError, match="does not declare the patch 'slower'"):
            this().patched("slower")
        return "refused"

    assert begin(run, patches=("faster",)).result == "refused"


def test_a_definition_needs_no_patches() -> None:
    async def run(_arguments: str) -> str:
        return "null"

    assert WorkflowDefinition(name="w", run=run).patches == ()
