"""What the commands of control do on any backend; a test module inherits this class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.command_line import CommandLine


class Steering:
    """Events, hold and release, ends by force, new runs, removal."""

    @pytest.mark.parametrize("data", ["null", "0", "false", '""', "[]", '{"a": "\\u0000ø"}'])
    def test_event_carries_any_value(self, worker: CommandLine, data: str) -> None:
        (made,) = worker.ok("start", "approve").lines
        assert worker.ok("event", made, "approval", "-d", data).out == f"{made}  approval raised\n"
        assert worker.ok("wait", made).code == 0

    def test_ids_from_stdin_are_suspended_and_resumed(self, worker: CommandLine) -> None:
        for made in ("u1", "u2"):
            worker.ok("start", "approve", "--id", made)
        held = worker.ok("suspend", "-", "--reason", "a break", "-o", "ids", stdin="u1\nu2\n\n")
        assert held.lines == ["u1", "u2"]
        assert worker.until("u1", "suspended")["reason"] == "a break"
        worker.ok("resume", "-", stdin=held.out)
        worker.ok("event", "u2", "approval")
        assert worker.ok("wait", "u2").out == "null\n"

    def test_terminate_ends_by_force(self, worker: CommandLine) -> None:
        worker.ok("start", "approve", "--id", "v1")
        worker.ok("terminate", "v1", "--reason", "wrong customer")
        done = worker("wait", "v1")
        assert done.code == 5
        assert "wrong customer" in done.err

    def test_one_that_fails_does_not_keep_the_others(self, worker: CommandLine) -> None:
        worker.ok("start", "approve", "--id", "v2")
        done = worker("terminate", "nobody", "v2")
        assert (done.code, done.out) == (4, "v2  terminated\n")
        assert worker("terminate", "nobody", "not an id").code == 1

    def test_what_the_state_forbids_is_a_conflict(self, worker: CommandLine) -> None:
        worker.ok("start", "approve", "--id", "v3")
        assert worker("purge", "v3").code == 7
        assert worker("restart", "v3").code == 7
        worker.ok("terminate", "v3")
        assert worker("event", "v3", "approval").code == 7

    def test_restart_runs_again_with_the_same_input(self, worker: CommandLine) -> None:
        worker.ok("start", "echo", "-i", '{"value": 7}', "--id", "w1", "--wait")
        first = worker.ok("show", "w1", "-o", "json").json()["run_id"]
        worker.ok("restart", "w1")
        assert worker.ok("wait", "w1").out == "7\n"
        assert worker.ok("show", "w1", "-o", "json").json()["run_id"] != first

    def test_rerun_goes_on_from_a_command(self, worker: CommandLine) -> None:
        worker.ok("start", "plan_trip", "-i", '{"cities": ["Oslo"]}', "--id", "w2", "--wait")
        worker.ok("rerun", "w2", "--from-command", "2")
        assert worker.ok("wait", "w2").json() == "Oslo for 400"
        wrong = worker("rerun", "w2", "--from-command", "99")
        assert wrong.code == 2
        assert "perdure history w2 -o wide" in wrong.err

    def test_purge_removes_for_good(self, worker: CommandLine) -> None:
        worker.ok("start", "echo", "--id", "x1", "--wait")
        assert worker.ok("purge", "x1", "-o", "jsonl").json() == {
            "instance_id": "x1",
            "done": "purged",
        }
        assert worker("show", "x1").code == 4


class PurgingInBulk:
    """``perdure purge`` without ids."""

    def test_bulk_needs_a_yes_and_then_removes_what_matches(self, worker: CommandLine) -> None:
        worker.ok("start", "echo", "--id", "y1", "--wait")
        worker("start", "fail", "-i", '{"why": "x"}', "--id", "y2", "--wait")
        unasked = worker("purge", "--status", "failed")
        assert (unasked.code, unasked.out) == (2, "")
        assert "--yes" in unasked.err
        assert worker.ok("purge", "--older-than", "7d", "--yes").out == "purged 0\n"
        assert worker.ok("purge", "--status", "failed", "--yes").out == "purged 1\n"
        assert worker.ok("list", "-o", "ids").lines == ["y1"]
        assert worker.ok("purge", "--older-than", "0s", "--yes").out == "purged 1\n"

    def test_bulk_of_what_has_not_ended_is_refused(self, worker: CommandLine) -> None:
        assert worker("purge", "--status", "running", "--yes").code == 2
        assert worker("purge").code == 2
        assert worker("purge", "y1", "--older-than", "1d").code == 2
