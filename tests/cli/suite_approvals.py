"""What the commands of approvals do on any backend; a test module inherits this class."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

from tests.cli.command_line import pauses

if TYPE_CHECKING:
    from tests.cli.command_line import CommandLine


def asked(worker: CommandLine, instance_id: str, amount: int = 40) -> str:
    """Start a workflow that asks, and return the id of the approval."""
    worker.ok("start", "settle", "-i", f'{{"amount": {amount}}}', "--id", instance_id)
    for _ in pauses():
        found = worker.ok("approvals", "list", "--instance", instance_id, "-o", "ids").lines
        if found:
            return found[0]
    raise AssertionError(f"{instance_id} asked nothing")


def result_of(worker: CommandLine, instance_id: str) -> Any:
    """Return what an instance returned."""
    return worker.ok("wait", instance_id, "-o", "json").json()["output"]


class Approvals:
    """List, show, approve, deny."""

    def test_what_waits_is_listed_and_shown_to_people(self, worker: CommandLine) -> None:
        approval_id = asked(worker, "a1")
        head, row = worker.ok("approvals", "list", "--instance", "a1").lines
        assert head.split() == ["STATE", "ID", "NAME", "ASKED", "DEADLINE", "MESSAGE"]
        assert all(word in row for word in (approval_id, "waiting", "refund", "a refund?"))
        wide = worker.ok("approvals", "list", "--root", "a1", "-o", "wide").out
        assert all(word in wide for word in ("TOOL", "pay_back", '{"amount": 40}'))
        page = worker.ok("approvals", "show", approval_id).out
        assert page.startswith(approval_id)
        assert all(word in page for word in ("a refund?", "pay_back", '{"amount": 40}'))

    def test_the_records_are_data_for_programs(self, worker: CommandLine) -> None:
        approval_id = asked(worker, "a2")
        (listed,) = worker.ok("approvals", "list", "--instance", "a2", "-o", "json").json()
        shown = worker.ok("approvals", "show", approval_id, "-o", "json").json()
        assert listed == shown
        assert (shown["id"], shown["state"], shown["decision"]) == (approval_id, "waiting", None)
        assert shown["arguments"] == {"amount": 40}
        assert (shown["instance_id"], shown["tool"]) == ("a2", "pay_back")

    def test_approve_wakes_the_workflow_with_edited_arguments(self, worker: CommandLine) -> None:
        approval_id = asked(worker, "a3")
        words = ("approvals", "approve", approval_id, "--note", "half", "--by", "ann")
        done = worker.ok(*words, "--arguments", "-", stdin='{"amount": 20}')
        assert done.out == f"{approval_id}  approved\n"
        answer = {"approved": True, "by": "ann", "arguments": {"amount": 20}}
        assert result_of(worker, "a3") == answer
        page = worker.ok("approvals", "show", approval_id).out
        assert all(word in page for word in ("by ann", "half", '{"amount": 20}'))

    def test_deny_is_by_the_login_name(self, worker: CommandLine) -> None:
        approval_id = asked(worker, "a4")
        (record,) = worker.ok("approvals", "deny", approval_id, "-o", "json").json()
        assert (record["state"], record["decision"]["by"]) == ("denied", getpass.getuser())
        assert result_of(worker, "a4")["approved"] is False

    def test_a_second_answer_is_a_conflict_and_the_same_one_is_not(
        self, worker: CommandLine
    ) -> None:
        approval_id = asked(worker, "a5")
        worker.ok("approvals", "approve", approval_id, "--by", "ann")
        worker.ok("approvals", "approve", approval_id, "--by", "ann")
        done = worker("approvals", "deny", approval_id, "--by", "bob")
        assert done.code == 7
        assert "approved by ann" in done.err
        assert f"perdure approvals show {approval_id}" in done.err

    def test_one_of_a_run_that_has_ended_is_a_conflict(self, worker: CommandLine) -> None:
        approval_id = asked(worker, "a6")
        worker.ok("terminate", "a6")
        worker("wait", approval_id)
        done = worker("approvals", "approve", approval_id)
        assert done.code == 7
        assert "is closed" in done.err

    def test_ids_from_stdin_are_answered_and_one_that_fails_keeps_none_back(
        self, worker: CommandLine
    ) -> None:
        ids = [asked(worker, "b1"), asked(worker, "b2")]
        given = "\n".join([ids[0], "nobody", ids[1]])
        done = worker("approvals", "approve", "-", "--by", "ann", "-o", "ids", stdin=given)
        assert (done.code, done.lines) == (4, ids)
        assert "no approval 'nobody'" in done.err
        assert worker("approvals", "show", "nobody").code == 4
        assert worker("approvals", "show", "b1").code == 4

    def test_what_makes_no_sense_is_a_wrong_use(self, worker: CommandLine) -> None:
        assert worker("approvals", "list", "--state", "open").code == 2
        assert worker("approvals", "approve", "x", "--arguments", "{").code == 2
        assert worker("approvals", "approve", "x", "--arguments", "null").code == 2
        assert worker("approvals", "approve", "x", "y", "--arguments", "{}").code == 2

    def test_states_other_than_waiting_are_listed_when_asked_for(self, worker: CommandLine) -> None:
        approval_id = asked(worker, "b3")
        worker.ok("approvals", "deny", approval_id)
        listing = ("approvals", "list", "--instance", "b3", "-o", "ids", "--state")
        assert worker.ok(*listing, "waiting").lines == []
        assert worker.ok(*listing, "denied").lines == [approval_id]
        assert worker.ok(*listing, "all").lines == [approval_id]
