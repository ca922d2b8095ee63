"""Approvals: questions to people, kept as records, each answered once, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest

import perdure
from perdure import ApprovalState, Registry
from perdure.spi import Capability
from perdure.testing.contract.contract import Contract

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure import Approval, SyncHandle
    from perdure.testing.hub import BackendHub

registry = Registry()
WORKER = f"{__name__}:registry"
ASKED = {"amount": 40, "to": "Zoë"}


@registry.workflow(name="approvals_ask")
async def ask(
    approval_id: str,
    seconds: float | None = None,
    default: Literal["approve", "deny", "fail"] = "deny",
) -> dict[str, Any]:
    """Ask, and tell what was decided."""
    deadline = None if seconds is None else timedelta(seconds=seconds)
    try:
        decision = await perdure.request_approval(
            "refund",
            arguments=ASKED,
            message="a refund, please",
            agent="support",
            tool="refund",
            session="chat-1",
            deadline=deadline,
            default=default,
            approval_id=approval_id,
        )
    except perdure.ApprovalExpiredError:
        return {"approved": None}
    return {
        "approved": decision.approved,
        "arguments": decision.arguments,
        "by": decision.by,
        "is_default": decision.is_default,
    }


@registry.workflow(name="approvals_ask_below")
async def ask_below(approval_id: str) -> dict[str, Any]:
    """Have a child ask."""
    return await ask(approval_id)


@registry.workflow(name="approvals_give_up")
async def give_up(approval_id: str, seconds: float) -> str:
    """Ask, wait for so long, and go on without a decision."""
    try:
        async with asyncio.timeout(seconds):
            await perdure.request_approval("refund", approval_id=approval_id)
    except TimeoutError:
        return await perdure.wait_for_event("go", str)
    return "decided"


def _ask(
    hub: BackendHub, workflow: Any = ask, *args: object
) -> tuple[SyncHandle[Any], SyncHandle[Any]]:
    """Start a workflow that asks; return it, and the instance that is the approval."""
    record = hub.client.get(None, hub.new_id("approval"))
    handle = hub.start(workflow, record.instance_id, *args)
    hub.until_exists(record)
    return handle, record


class Approvals(Contract):
    """Questions to people."""

    registry = registry

    def test_an_approval_wakes_the_workflow_with_the_arguments_as_edited(
        self, backend_hub: BackendHub
    ) -> None:
        handle, record = _ask(backend_hub)
        asked = backend_hub.client.approvals.get(record.instance_id)
        assert (asked.state, asked.arguments) == (ApprovalState.WAITING, ASKED)
        assert (asked.instance_id, asked.root_id) == (handle.instance_id, handle.instance_id)
        edited = {**ASKED, "amount": 20}
        approval = backend_hub.client.approvals.approve(
            record.instance_id, by="ann", note="half of it", arguments=edited
        )
        assert approval.state is ApprovalState.APPROVED
        assert approval.decision is not None
        assert (approval.decision.arguments, approval.decision.note) == (edited, "half of it")
        assert backend_hub.result(handle) == {
            "approved": True,
            "arguments": edited,
            "by": "ann",
            "is_default": False,
        }

    def test_a_denial_is_a_decision_too(self, backend_hub: BackendHub) -> None:
        handle, record = _ask(backend_hub)
        approval = backend_hub.client.approvals.deny(record.instance_id, by="bob")
        assert approval.state is ApprovalState.DENIED
        decided = backend_hub.result(handle)
        assert (decided["approved"], decided["by"], decided["arguments"]) == (False, "bob", ASKED)

    @pytest.mark.parametrize(
        ("default", "approved"), [("deny", False), ("approve", True), ("fail", None)]
    )
    def test_at_the_deadline_the_default_decides_and_later_answers_are_refused(
        self, backend_hub: BackendHub, default: str, approved: bool | None
    ) -> None:
        handle, record = _ask(backend_hub, ask, backend_hub.moment.total_seconds(), default)
        backend_hub.let_pass(1)
        decided = backend_hub.result(handle)
        assert decided["approved"] is approved
        assert decided.get("is_default", True)
        with pytest.raises(perdure.ApprovalExpiredError, match=record.instance_id):
            backend_hub.client.approvals.approve(record.instance_id, by="ann")

    def test_it_is_answered_once_and_the_same_answer_again_changes_nothing(
        self, backend_hub: BackendHub
    ) -> None:
        handle, record = _ask(backend_hub)
        approvals = backend_hub.client.approvals
        first = approvals.approve(record.instance_id, by="ann")
        assert approvals.approve(record.instance_id, by="ann") == first
        with pytest.raises(perdure.ApprovalAlreadyAnsweredError, match="approved by ann"):
            approvals.deny(record.instance_id, by="bob")
        assert backend_hub.result(handle)["by"] == "ann"

    def test_of_answers_at_the_same_moment_one_wins_and_everybody_learns_which(
        self, backend_hub: BackendHub
    ) -> None:
        handle, record = _ask(backend_hub)
        approvals = backend_hub.client.approvals

        def answer(by: str) -> str:
            act: Callable[..., Approval] = approvals.deny if by > "c" else approvals.approve
            try:
                approval = act(record.instance_id, by=by, timeout=backend_hub.target.patience)
            except perdure.ApprovalAlreadyAnsweredError as error:
                return error.by
            assert approval.decision is not None
            return str(approval.decision.by)

        people = ["ann", "bob", "cid", "dora"]
        with ThreadPoolExecutor(len(people)) as pool:
            told = set(pool.map(answer, people))
        assert told == {backend_hub.result(handle)["by"]}

    def test_an_answer_is_stored_while_no_worker_lives(self, backend_hub: BackendHub) -> None:
        handle, record = _ask(backend_hub)
        backend_hub.until_shows(record, _SHOWN)
        backend_hub.stop_worker()
        stored = backend_hub.client.approvals.approve(
            record.instance_id, by="ann", timeout=timedelta()
        )
        assert (stored.state, stored.decision) == (ApprovalState.STORED, None)
        backend_hub.run_worker()
        assert backend_hub.result(handle)["by"] == "ann"

    def test_an_approval_ends_with_the_workflow_that_asks(self, backend_hub: BackendHub) -> None:
        handle, record = _ask(backend_hub)
        handle.terminate(reason="no more")
        backend_hub.end(record)
        approval = backend_hub.client.approvals.get(record.instance_id)
        assert approval.state is ApprovalState.CLOSED
        with pytest.raises(perdure.ApprovalClosedError, match=record.instance_id):
            backend_hub.client.approvals.approve(record.instance_id, by="ann")

    def test_giving_up_the_wait_closes_the_approval(self, backend_hub: BackendHub) -> None:
        handle, record = _ask(backend_hub, give_up, backend_hub.moment.total_seconds())
        backend_hub.let_pass(1)
        backend_hub.end(record)
        with pytest.raises(perdure.ApprovalClosedError, match="waits no longer"):
            backend_hub.client.approvals.approve(record.instance_id, by="ann")
        handle.raise_event("go", "on")
        assert backend_hub.result(handle) == "on"

    def test_what_waits_is_listed_from_the_top_where_the_backend_lists(
        self, backend_hub: BackendHub
    ) -> None:
        handle, record = _ask(backend_hub, ask_below)
        approvals = backend_hub.client.approvals

        def waiting() -> list[str]:
            return [each.id for each in approvals.list(state="waiting", root_id=handle.instance_id)]

        if Capability.QUERY in backend_hub.capabilities:
            backend_hub.until(lambda: waiting() == [record.instance_id], "it was never listed")
        else:
            with pytest.raises(perdure.CapabilityNotSupportedError):
                waiting()
        approvals.deny(record.instance_id, by="ann")
        assert backend_hub.result(handle)["approved"] is False
        if Capability.QUERY in backend_hub.capabilities:
            assert waiting() == []

    def test_what_is_no_approval_is_not_found(self, backend_hub: BackendHub) -> None:
        handle, record = _ask(backend_hub)
        for instance_id in (handle.instance_id, backend_hub.new_id()):
            with pytest.raises(perdure.ApprovalNotFoundError, match=instance_id):
                backend_hub.client.approvals.approve(instance_id, by="ann")
        backend_hub.client.approvals.deny(record.instance_id, by="ann")
        backend_hub.result(handle)

    def test_an_approval_outlives_the_worker(self, process_hub: BackendHub) -> None:
        worker = process_hub.start_worker(WORKER)
        handle, record = _ask(process_hub)
        process_hub.until_shows(record, _SHOWN)
        worker.kill()
        process_hub.client.approvals.approve(record.instance_id, by="ann", timeout=timedelta())
        process_hub.start_worker(WORKER)
        assert process_hub.result(handle)["by"] == "ann"
        process_hub.end(record)  # a parent may hear of it a moment before it shows
        approval = process_hub.client.approvals.get(record.instance_id)
        assert approval.state is ApprovalState.APPROVED


_SHOWN = {"state": "waiting", "name": "refund", "agent": "support", "tool": "refund"}
