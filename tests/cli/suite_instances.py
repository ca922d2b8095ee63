"""What the commands for instances do on any backend; a test module inherits these classes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from perdure.spi.history import Completed
from perdure.spi.journal import decode_journal

if TYPE_CHECKING:
    from tests.cli.command_line import CommandLine


class Starting:
    """``perdure start`` and ``perdure wait``."""

    def test_start_prints_the_id_and_nothing_else(self, worker: CommandLine) -> None:
        done = worker.ok("start", "echo", "--id", "s1", "--input", '{"value": 1}')
        assert (done.out, done.err) == ("s1\n", "")

    def test_start_makes_up_an_id(self, worker: CommandLine) -> None:
        (made,) = worker.ok("start", "echo").lines
        assert worker.ok("wait", made).out == "null\n"

    def test_start_and_wait_prints_the_result(self, worker: CommandLine) -> None:
        given = '{"cities": ["Oslo", "Rome"]}'
        done = worker.ok("start", "plan_trip", "-i", given, "--wait", "--timeout", "20s")
        assert done.json() == "Oslo for 400"

    def test_start_and_wait_of_a_failure_ends_with_5(self, worker: CommandLine) -> None:
        done = worker("start", "fail", "-i", '{"why": "no room"}', "--id", "s2", "--wait")
        assert (done.code, done.out) == (5, "")
        assert "no room" in done.err
        assert "perdure history s2" in done.err

    def test_input_comes_from_a_file_or_from_stdin(self, worker: CommandLine) -> None:
        given = json.dumps({"value": ["ø", None, 0, False, "", {}]})
        (worker.folder / "given.json").write_text(given, encoding="utf-8")
        by_file = worker.ok("start", "echo", "--input", "@given.json", "--wait")
        by_stdin = worker.ok("start", "echo", "--input", "-", "--wait", stdin=given)
        assert by_file.json() == by_stdin.json() == json.loads(given)["value"]

    def test_an_id_in_use_is_a_conflict(self, worker: CommandLine) -> None:
        worker.ok("start", "approve", "--id", "s3")
        again = worker("start", "approve", "--id", "s3")
        assert (again.code, again.out) == (7, "")
        assert "--if-exists" in again.err
        assert worker.ok("start", "approve", "--id", "s3", "--if-exists", "attach").out == "s3\n"

    def test_wait_ends_with_the_outcome(self, worker: CommandLine) -> None:
        worker.ok("start", "approve", "--id", "s4")
        late = worker("wait", "s4", "--timeout", "0.1s")
        assert late.code == 1
        assert "has not ended" in late.err
        worker.ok("event", "s4", "approval", "--data", "false")
        assert worker.ok("wait", "s4").out == "false\n"
        assert worker("wait", "nobody").code == 4

    def test_tags_and_start_options_are_kept(self, worker: CommandLine) -> None:
        worker.ok("start", "echo", "--id", "s5", "--tag", "a=b", "--at", "1h")
        record = worker.ok("show", "s5", "-o", "json").json()
        assert (record["status"], record["tags"]) == ("pending", {"a": "b"})
        assert record["start_at"] > record["created_at"]


class Looking:
    """``perdure list``, ``show`` and ``history``."""

    def test_list_has_a_row_for_each(self, worker: CommandLine) -> None:
        worker.ok("start", "echo", "--id", "l1", "--wait")
        worker("start", "fail", "-i", '{"why": "no room"}', "--id", "l2", "--wait")
        header, *rows = worker.ok("list", "--id-prefix", "l").lines
        assert header.split() == ["STATUS", "ID", "WORKFLOW", "CREATED", "TOOK", "NOTE"]
        assert [row.split()[1:4] for row in rows] == [
            ["failed", "l2", "fail"],
            ["completed", "l1", "echo"],
        ]
        assert "no room" in rows[0]

    def test_list_in_every_format(self, worker: CommandLine) -> None:
        worker.ok("start", "echo", "--id", "m1", "--wait")
        worker.ok("start", "echo", "--id", "m2", "--wait")
        chosen = ("list", "--id-prefix", "m", "-o")
        assert worker.ok(*chosen, "ids").lines == ["m2", "m1"]
        assert [record["instance_id"] for record in worker.ok(*chosen, "json").json()] == [
            "m2",
            "m1",
        ]
        lines = [json.loads(line) for line in worker.ok(*chosen, "jsonl").lines]
        assert [line["status"] for line in lines] == ["completed", "completed"]
        assert "CUSTOM STATUS" in worker.ok(*chosen, "wide", "--time", "iso").lines[0]

    def test_list_filters_and_says_that_there_is_more(self, worker: CommandLine) -> None:
        for number in range(3):
            worker.ok("start", "echo", "--id", f"n{number}", "--tag", "set=n", "--wait")
        chosen = ("list", "--tag", "set=n", "--status", "completed", "--since", "1h", "-o", "ids")
        assert worker.ok(*chosen).lines == ["n2", "n1", "n0"]
        first = worker.ok(*chosen, "--limit", "2")
        assert first.lines == ["n2", "n1"]
        assert "--limit 0" in first.err
        assert worker.ok(*chosen, "--name", "approve").out == ""
        assert worker.ok("list", "--tag", "set=none", "-o", "json").json() == []

    def test_show_tells_everything(self, worker: CommandLine) -> None:
        worker.ok("start", "plan_trip", "-i", '{"cities": ["Oslo"]}', "--id", "o1", "--wait")
        page = worker.ok("show", "o1").out
        for words in ("completed", "plan_trip", '{"cities": ["Oslo"]}', '"Oslo for 400"'):
            assert words in page
        record = worker.ok("show", "o1", "-o", "json").json()
        assert record["input"] == {"cities": ["Oslo"]}
        assert record["custom_status"] == {"cities": 1}

    def test_show_of_nothing_is_not_found(self, worker: CommandLine) -> None:
        done = worker("show", "nobody")
        assert (done.code, done.out) == (4, "")
        assert done.err.splitlines()[-1] == "  try: perdure list"

    def test_history_draws_a_row_for_each_piece_of_work(self, worker: CommandLine) -> None:
        worker.ok("start", "plan_trip", "-i", '{"cities": ["Oslo", "Rome"]}', "--id", "p1", "-w")
        lines = worker.ok("history", "p1").lines
        assert all(len(line) <= 80 for line in lines)
        drawn = "\n".join(lines)
        for words in (
            "price_of Oslo",
            "price_of Rome",
            "\N{MULTIPLICATION SIGN}3",
            "sleep 50ms",
            "child pay",
        ):
            assert words in drawn
        assert drawn.count("price_of") == 2

    def test_history_for_programs(self, worker: CommandLine) -> None:
        worker.ok("start", "echo", "--id", "p2", "--wait")
        journal = decode_journal(worker.ok("history", "p2", "--raw").out)
        assert isinstance(journal[-1], Completed)
        records = worker.ok("history", "p2", "-o", "json").json()
        assert [record["kind"] for record in records] == ["WorkflowStarted", "Completed"]
        assert "Completed" in worker.ok("history", "p2", "-o", "wide").out

    def test_history_follows_to_the_end(self, worker: CommandLine) -> None:
        worker.ok("start", "approve", "--id", "p3")
        process = worker.begin("history", "p3", "--follow")
        assert process.stdout is not None
        assert "WorkflowStarted" in process.stdout.readline()
        worker.ok("event", "p3", "approval", "--data", '{"ok": true}')
        rest, said = process.communicate(timeout=20)
        assert [line.split()[1] for line in rest.splitlines()] == ["EventReceived", "Completed"]
        assert (process.returncode, said) == (0, "")
