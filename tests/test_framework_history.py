"""A plugin that calls many things by one name says itself that the code left its history."""

from __future__ import annotations

import pytest

import perdure
from perdure.framework import call_activity, leave_history
from perdure.testing import run_in_memory


async def test_a_run_that_left_its_history_stalls_whatever_its_code_catches() -> None:
    app = perdure.App("left")

    @app.activity(name="any")
    async def run_any(what: str) -> str:
        return what

    @app.workflow
    async def ask(what: str) -> str:
        found = await call_activity("any", lambda: {"what": "red"})
        if found != what:
            try:
                leave_history(recorded=f"colour {found!r}", asked=f"colour {what!r}")
            except BaseException:  # noqa: BLE001 - as an agent framework might
                return "swallowed"
        return f"all is {found}"

    async with run_in_memory(app) as env:
        well = await env.client.start(ask, "red")
        assert await well.result() == "all is red"
        left = await env.client.start(ask, "blue")
        with pytest.raises(perdure.WorkflowStalledError, match=r"colour 'red', but.*'blue'"):
            await left.result()


def test_outside_a_workflow_there_is_no_history_to_leave() -> None:
    with pytest.raises(perdure.NotInWorkflowError, match="leaving the history"):
        leave_history(recorded="one thing", asked="another")
