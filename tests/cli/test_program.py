"""The program as a whole: help, streams, colours, exit codes, start-up."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from perdure._version import __version__
from tests.cli.command_line import FLOWS, CommandLine, interrupted, pauses

if TYPE_CHECKING:
    from pathlib import Path

# Each test runs several processes.
pytestmark = pytest.mark.timeout(90)

_HEAVY = ("rich", "pydantic", "sqlite3", "asyncio", "perdure.app", "perdure.embedded", "pytest")


def on_a_terminal(command: CommandLine, *words: str, **variables: str) -> str:
    """Return what a command writes to a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    environment = {**command.environment, "TERM": "xterm-256color", "COLUMNS": "80", **variables}
    process = subprocess.Popen(
        [sys.executable, "-m", "perdure", *words],
        cwd=command.folder,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # how Linux tells that the other side is closed
            break
        if not piece:
            break
        written += piece
    os.close(ours)
    process.wait(20)
    return written.decode()


def test_help_has_every_exit_code(alone: CommandLine) -> None:
    words = " ".join(alone.ok("--help").out.split())
    for code in (
        "0 ok · 1 error · 2 usage · 3 auth or unreachable backend · 4 not found",
        "5 workflow failed (wait, start --wait) · 6 capability not supported",
        "7 conflict",
        "130 interrupted",
    ):
        assert code in words


def test_help_fits_80_columns_without_colours(alone: CommandLine) -> None:
    for words in ((), ("--help",), ("start", "--help"), ("backends", "--help")):
        page = alone.ok(*words).out
        assert max(map(len, page.splitlines())) <= 80
        assert "\x1b" not in page


def test_version_and_the_script_itself(alone: CommandLine) -> None:
    script = f"{os.path.dirname(sys.executable)}/perdure"
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == alone.ok("--version").out == f"perdure {__version__}\n"


def test_starting_up_imports_nothing_heavy(alone: CommandLine) -> None:
    code = (
        "import sys; from perdure.cli.program import run; sys.argv = ['perdure', '--help']; run();"
        "sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [name for name in _HEAVY if name in done.stderr.split()] == []


def test_a_missing_extra_is_named() -> None:
    code = "import sys; sys.modules['typer'] = None; import perdure.cli; perdure.cli.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'perdure[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["lst"], "list"),
        (["list", "--nonsense"], "perdure list --help"),
        (["list", "--status", "odd"], "'odd' is not one of"),
        (["list", "--since", "yesterday"], "1h"),
        (["show"], "ID"),
        (["show", "a b"], "invalid instance id"),
        (["event", "a", "No Such"], "event name"),
        (["start", "w", "--input", "{"], "--input"),
        (["start", "w", "--input", "[1]"], "parameter"),
        (["start", "w", "--input", "@none.json"], "none.json"),
        (["start", "w", "--input", "NaN"], "not JSON"),
        (["start", "w", "--tag", "x"], "key=value"),
        (["start", "w", "--timeout", "1s"], "--wait"),
        (["-b", "nonsense", "list"], "installed: "),
        (["-b", "sqlite://bad?x=1", "list"], "sqlite"),
        (["--profile", "nonsense", "list"], "profile"),
        (["--hub", "a b", "list"], "hub"),
        (["worker", "no_such_module"], "no_such_module"),
        (["replay", "none.jsonl", str(FLOWS)], "none.jsonl"),
        (["conformance", "--only", "Nonsense"], "Lifecycle"),
        (["backends"], "capabilities"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_ends_with_2(alone: CommandLine, words: list[str], hint: str) -> None:
    done = alone(*words)
    assert (done.code, done.out) == (2, "")
    assert hint in done.err
    assert "Traceback" not in done.err


def test_a_backend_out_of_reach_ends_with_3(alone: CommandLine) -> None:
    (alone.folder / "file").touch()
    for url in (f"sqlite:///{alone.folder}/file/hub.db", "azure://127.0.0.1:1/default"):
        done = alone("list", "-b", url)
        assert (done.code, done.out) == (3, "")
        assert alone("backends", "check", url).code == 3


def test_the_option_after_the_name_wins(alone: CommandLine) -> None:
    assert alone.ok("-o", "ids", "list", "-o", "json").out == "[]\n"
    assert alone.ok("-o", "json", "list").out == "[]\n"


def test_an_interrupt_ends_with_130(alone: CommandLine) -> None:
    alone.ok("start", "echo", "--id", "a")
    process = alone.begin("wait", "a")
    for _ in pauses(2.5):
        pass
    done = interrupted(process)
    assert (done.code, done.out) == (130, "")
    assert "goes on" in done.err
    assert "Traceback" not in done.err


def test_a_traceback_is_shown_only_if_asked_for(alone: CommandLine) -> None:
    assert "Traceback" not in alone("show", "nobody").err
    done = alone("show", "nobody", "--debug")
    assert done.code == 4
    assert "Traceback" in done.err
    assert done.err.splitlines()[-1] == "  try: perdure list"


def test_a_reader_that_leaves_is_no_error(alone: CommandLine) -> None:
    for number in range(3):
        alone.ok("start", "echo", "--id", f"a{number}")
    process = alone.begin("list", "-o", "jsonl")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    process.wait(20)
    assert "Traceback" not in said
    assert "Exception" not in said


def test_colours_only_on_a_terminal_that_wants_them(alone: CommandLine) -> None:
    alone.ok("start", "echo", "--id", "a1")
    colour = re.compile(r"\x1b\[[0-9;]*m")
    assert colour.search(on_a_terminal(alone, "list"))
    assert not colour.search(on_a_terminal(alone, "list", NO_COLOR="1"))
    assert not colour.search(on_a_terminal(alone, "list", "--no-color"))
    assert not colour.search(on_a_terminal(alone, "list", TERM="dumb"))
    assert "\x1b" not in alone.ok("list").out


def test_a_table_is_cut_to_the_terminal_and_whole_in_a_pipe(alone: CommandLine) -> None:
    long = "x" * 64
    alone.ok("start", "w" * 64, "--id", long)
    shown = on_a_terminal(alone, "list", NO_COLOR="1").splitlines()
    assert max(map(len, shown)) <= 80
    assert long not in shown[1]
    assert long in alone.ok("list").out


def test_what_others_wrote_cannot_steer_the_terminal(alone: CommandLine) -> None:
    evil = '{"value": "\\u001b]0;owned\\u0007\\u202e"}'
    alone.ok("start", "echo", "--id", "a1", "--input", evil, "--tag", "k=\x1b[31mred")
    for words in (["show", "a1"], ["list", "-o", "wide"], ["history", "a1", "-o", "wide"]):
        page = alone.ok(*words).out
        assert not set("\x1b\x07\u202e") & set(page)


def test_a_stream_without_unicode_gets_ascii(alone: CommandLine) -> None:
    alone.ok("start", "echo", "--id", "a1", "--input", '{"value": "\\u00f8"}')
    for words in (["list"], ["show", "a1"], ["history", "a1"], ["--help"]):
        assert alone.ok(*words, PYTHONIOENCODING="ascii").out.isascii()


def test_a_hub_and_a_profile_choose_where(tmp_path: Path) -> None:
    (tmp_path / "perdure.toml").write_text('[profiles.p]\nbackend = "sqlite:///p.db"\n')
    command = CommandLine(url="", folder=tmp_path)
    command.ok("start", "echo", "--id", "in-hub", "--hub", "other")
    command.ok("--profile", "p", "start", "echo", "--id", "in-profile")
    assert command.ok("list", "--hub", "other", "-o", "ids").out == "in-hub\n"
    assert command.ok("list", "--profile", "p", "-o", "ids").out == "in-profile\n"
    assert command.ok("list", "-o", "ids").out == ""
    assert (tmp_path / ".perdure" / "other.db").exists()


def test_completion_knows_commands_and_options(alone: CommandLine) -> None:
    def completed(words: str, position: int) -> list[str]:
        asked = {"COMP_WORDS": words, "COMP_CWORD": str(position)}
        return alone.ok(_PERDURE_COMPLETE="complete_bash", **asked).out.split()

    assert completed("perdure su", 1) == ["suspend"]
    assert "--if-exists" in completed("perdure start --i", 2)
    assert "failed" in completed("perdure list --status f", 3)


def test_a_command_of_a_package_that_is_not_installed_is_named() -> None:
    code = (
        "import sys, importlib.metadata as m; m.entry_points = lambda **given: []\n"
        "from perdure.cli.program import run\n"
        "sys.argv = ['perdure', 'bench', 'run']; sys.exit(run())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install perdure-bench" in done.stderr
