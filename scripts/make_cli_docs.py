"""Write docs/cli.md from the commands themselves. A test fails while it is out of date.

Run it as ``python scripts/make_cli_docs.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from perdure.cli.help import exit_code_lines, is_common, spelled, usage
from perdure.cli.program import make_program

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"

_INTRODUCTION = """\
# Command line

<!-- Made by scripts/make_cli_docs.py from the commands themselves; change those, and run it. -->

`pip install 'perdure[cli]'` brings the command `perdure`; `python -m perdure` is the same.

```console
$ perdure dev trips                             # in one terminal: a worker that reloads
$ perdure start plan_trip --input '{"cities": ["Oslo", "Rome"]}' --id trip-1
trip-1
$ perdure history trip-1 --follow               # watch it
$ perdure list --status failed -o ids | perdure restart -
```

* Results go to stdout, everything else to stderr. `-o table` and `-o wide` are for people, `json`,
  `jsonl` and `ids` for programs; `ids` of one command are the `-` of the next.
* Colours only on a terminal, and not where `NO_COLOR` is set. Tables are cut to the width of a
  terminal; in a pipe they are whole.
* An error is a message and one thing to try; `--debug` adds the traceback.
* JSON, wherever it is given, may be `@file` or `-` for stdin. Arguments of a workflow are an
  object by parameter name.
* Durations are `30s`, `5m`, `1h30m`, `7d`; times are ISO 8601, in UTC unless they say otherwise.
* Which backend: `--backend`, else `PERDURE_BACKEND`, else the profile, else the embedded engine;
  see [settings](guide.md#settings).
* `perdure --install-completion` teaches your shell to complete commands and options.
"""


def render() -> str:
    """Return the page."""
    program: Any = typer.main.get_command(make_program())
    context = program.context_class(program, info_name="perdure")
    parts = [_INTRODUCTION, _exit_codes(), _common_options(program), _overview(context, program)]
    parts += [_section(context, command) for context, command in _commands(context, program)]
    return "\n".join(parts)


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(), encoding="utf-8")
    print(f"wrote {PAGE.name}")


def _commands(parent: Any, group: Any) -> list[tuple[Any, Any]]:
    """Return every command with its context, those of groups after one another."""
    found = []
    for name, command in group.commands.items():
        context = command.context_class(command, info_name=name, parent=parent)
        if hasattr(command, "commands"):
            found += _commands(context, command)
        else:
            found.append((context, command))
    return found


def _exit_codes() -> str:
    rows = [f"| {code} | {meaning} |" for code, meaning in exit_code_lines()]
    return "\n".join(["## Exit codes", "", "| Code | Means |", "|---|---|", *rows, ""])


def _common_options(program: Any) -> str:
    lines = ["## Options of every command", "", "Before the command's name, or after it.", ""]
    lines += _table("Option", [p for p in program.params if is_common(p)])
    return "\n".join(lines)


def _overview(context: Any, program: Any) -> str:
    rows = []
    for child, command in _commands(context, program):
        path = child.command_path
        words = _paragraphs(command)[0]
        anchor = path.replace(" ", "-")
        rows.append(f"| [`{path.removeprefix('perdure ')}`](#{anchor}) | {words} |")
    return "\n".join(["## Commands", "", "| Command | Does |", "|---|---|", *rows, ""])


def _section(context: Any, command: Any) -> str:
    lines = [f"## {context.command_path}", "", "\n\n".join(_paragraphs(command)), ""]
    lines += ["```text", usage(context, command), "```", ""]
    own = [p for p in command.params if not is_common(p) and not p.hidden]
    lines += _table("Argument", [p for p in own if p.param_type_name == "argument"])
    lines += _table("Option", [p for p in own if p.param_type_name != "argument"])
    examples = (command.epilog or "").splitlines()
    lines += ["```console", *(f"$ {example}" for example in examples), "```", ""]
    return "\n".join(lines)


def _table(title: str, parameters: list[Any]) -> list[str]:
    if not parameters:
        return []
    rows = [f"| `{_escaped(spelled(p))}` | {_escaped(p.help or '')} |" for p in parameters]
    return [f"| {title} | Means |", "|---|---|", *rows, ""]


def _paragraphs(command: Any) -> list[str]:
    return [" ".join(text.split()) for text in (command.help or "").split("\n\n")]


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main()
