"""Asking: what is put on record, under which id, and what the workflow gets."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure import ApprovalState
from perdure._program import RegistryProgram
from tests.approvals.looking import found, the_one
from tests.approvals.workflows import (
    closes_late,
    guarded,
    impatient,
    named,
    opened,
    refund,
    registry,
    two_at_once,
)

if TYPE_CHECKING:
    from perdure.testing import Environment


async def test_everything_that_was_asked_is_on_record(env: Environment) -> None:
    await env.client.start(refund, 40, 3, instance_id="r-1")

    approval = await the_one(env)

    assert approval.id.startswith("r-1-")
    assert (approval.name, approval.message) == ("refund", "a refund of 40?")
    assert approval.arguments == {"amount": 40}
    assert (approval.agent, approval.tool, approval.session) == ("support", "pay_back", "chat-1")
    assert approval.path == ("triage", "billing")
    assert (approval.instance_id, approval.root_id) == ("r-1", "r-1")
    assert approval.requested_at == env.now
    assert approval.deadline == env.now + timedelta(days=3)
    assert (approval.default, approval.state) == ("deny", ApprovalState.WAITING)
    assert approval.decision is None


async def test_an_approval_may_be_given_its_id_and_its_root(env: Environment) -> None:
    await env.client.start(named, "by-name", "chat-9")

    assert (await the_one(env, root_id="chat-9")).id == "by-name"


async def test_an_id_that_is_taken_is_an_error_in_the_workflow(env: Environment) -> None:
    handle = await env.client.start(named, "taken", instance_id="taken")

    with pytest.raises(perdure.WorkflowFailedError) as caught:
        await handle.result(timeout=timedelta(seconds=5))
    assert caught.value.matches(perdure.InstanceAlreadyExistsError)


async def test_several_are_asked_at_once_and_answered_in_any_order(env: Environment) -> None:
    handle = await env.client.start(two_at_once)
    second, first = sorted(await found(env), key=lambda each: each.name, reverse=True)

    await env.client.approvals.deny(second.id, by="bob")
    await env.client.approvals.approve(first.id, by="ann")

    assert [each["by"] for each in await handle.result()] == ["ann", "bob"]


async def test_an_opened_approval_tells_its_id_before_it_is_decided(env: Environment) -> None:
    handle = await env.client.start(opened)
    approval = await the_one(env)

    assert (await handle.info()).custom_status_json == f'"{approval.id}"'
    await env.client.approvals.approve(approval.id, by="ann")
    assert (await handle.result())["arguments"] == [1, 2]


@pytest.mark.parametrize("workflow", [refund, two_at_once, guarded])
async def test_a_replay_asks_for_the_same_under_the_same_id(
    env: Environment, workflow: Any
) -> None:
    handle = await env.client.start(workflow)
    for approval in await found(env):
        await env.client.approvals.approve(approval.id, by="ann")
    await handle.result()
    journal = await handle.history()

    RegistryProgram(registry).rebuild(workflow.name, journal, strict=True).close()


async def test_the_record_itself_replays(env: Environment) -> None:
    await env.client.start(refund, 40, 3)
    approval = await the_one(env)
    await env.client.approvals.approve(approval.id, by="ann", arguments={"amount": 4})
    journal = await env.client.get(None, approval.id).history()

    RegistryProgram(registry).rebuild("perdure.approval", journal, strict=True).close()


async def test_giving_up_the_wait_closes_the_record_while_the_workflow_goes_on(
    env: Environment,
) -> None:
    handle = await env.client.start(impatient, 2)
    approval = await the_one(env)
    assert approval.state is ApprovalState.WAITING

    await env.advance(hours=2)

    closed = await env.client.approvals.get(approval.id)
    assert (closed.state, closed.reason) == (ApprovalState.CLOSED, "whoever asked waits no longer")
    await handle.raise_event("go", "on")
    assert await handle.result() == "on"


async def test_closing_what_has_been_decided_does_nothing(env: Environment) -> None:
    handle = await env.client.start(closes_late)
    approval = await the_one(env)
    decided = await env.client.approvals.approve(approval.id, by="ann")
    await env.settle()

    journal = await handle.history()
    assert [type(each).__name__ for each in journal if "Activity" in type(each).__name__] == [
        "ActivityScheduled",
        "ActivityCompleted",
    ]
    assert await env.client.approvals.get(approval.id) == decided


async def test_a_workflow_that_is_cancelled_leaves_no_question_open(env: Environment) -> None:
    handle = await env.client.start(refund)
    approval = await the_one(env)

    await handle.cancel()
    await env.settle()

    assert (await env.client.approvals.get(approval.id)).state is ApprovalState.CLOSED
    with pytest.raises(perdure.WorkflowCancelledError):
        await handle.result()


async def test_an_approval_ended_by_force_is_an_error_in_the_workflow(env: Environment) -> None:
    handle = await env.client.start(refund)
    approval = await the_one(env)

    await env.client.get(None, approval.id).terminate(reason="a mistake")

    with pytest.raises(perdure.WorkflowFailedError, match="a mistake") as caught:
        await handle.result()
    assert caught.value.matches(perdure.ApprovalClosedError)


def test_outside_a_workflow_nobody_can_ask() -> None:
    with pytest.raises(perdure.NotInWorkflowError):
        _ = perdure.request_approval("refund")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"default": "perhaps"}, ValueError, "default is"),
        ({"deadline": timedelta(0)}, ValueError, "positive"),
        ({"deadline": 5}, TypeError, "timedelta"),
        ({"path": "triage"}, TypeError, "write path="),
        ({"approvers": ("",)}, ValueError, "empty"),
        ({"message": 3}, TypeError, "message is a str"),
        ({"approval_id": "a b"}, ValueError, "invalid instance id"),
        ({"urgent": True}, TypeError, "no option 'urgent'"),
        ({"arguments": {1, 2}}, ValueError, "set"),
    ],
    ids=str,
)
async def test_what_cannot_be_asked_is_refused_at_once(
    options: dict[str, Any], error: type[Exception], words: str
) -> None:
    from perdure.testing import run_in_memory

    app = perdure.Registry()

    @app.workflow
    async def ask() -> None:
        await perdure.request_approval("refund", **options)

    async with run_in_memory(app) as env:
        handle = await env.client.start(ask)
        with pytest.raises(perdure.WorkflowFailedError, match=words) as caught:
            await handle.result(timeout=timedelta(seconds=5))
    assert caught.value.matches(error)
