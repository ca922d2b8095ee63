"""docs/cli.md is what the commands say, and each command says enough."""

from __future__ import annotations

import runpy
from typing import Any

import pytest
import typer

from perdure.cli.exit_codes import MEANINGS
from perdure.cli.program import make_program
from tests.sources import ROOT

SCRIPT = runpy.run_path(str(ROOT / "scripts" / "make_cli_docs.py"))
PROGRAM: Any = typer.main.get_command(make_program())
CONTEXT = PROGRAM.context_class(PROGRAM, info_name="perdure")
COMMANDS = {
    context.command_path.removeprefix("perdure "): command
    for context, command in SCRIPT["_commands"](CONTEXT, PROGRAM)
}


def test_the_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page == SCRIPT["render"](), "run: python scripts/make_cli_docs.py"


def test_the_page_has_every_exit_code() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for code, meaning in MEANINGS.items():
        assert f"| {int(code)} | {meaning} |" in page


def test_the_commands_are_those_of_the_design() -> None:
    named = "start list show history wait event suspend resume terminate restart rerun purge"
    assert set(COMMANDS) == {
        *named.split(),
        *("worker", "dev", "conformance", "replay", "config show"),
        *("stack up", "stack status", "stack logs", "stack down", "stack build", "stack options"),
        *("approvals list", "approvals show", "approvals approve", "approvals deny"),
        *("backends list", "backends check", "backends capabilities"),
        *("bench run", "bench report", "bench compare", "cost"),
    }


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_has_an_example_and_words_for_each_option(path: str) -> None:
    command = COMMANDS[path]
    assert f"perdure {path}" in command.epilog
    assert [p.name for p in command.params if p.name != "help" and not p.help] == []
    assert {"backend", "profile", "hub", "output", "time", "yes", "debug", "no_color"} <= {
        p.name for p in command.params
    }
