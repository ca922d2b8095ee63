"""The help pages: plain, aligned, within 80 columns, with examples and exit codes."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

from perdure.cli.exit_codes import MEANINGS
from perdure.cli.options import COMMON_PANEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MAX_WIDTH = 100
_MIN_WIDTH = 40
_MAX_LEFT = 28
_BOLD = "\x1b[1m"
_NAME = "\x1b[36m"
_END = "\x1b[0m"


class CommandHelp(TyperCommand):
    """A command whose help is ours."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help page into ``formatter``."""
        formatter.write(_Page(ctx).command(self))


class GroupHelp(TyperGroup):
    """A group of commands whose help is ours; commands keep the order of their registration."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of its commands."""
        return list(self.commands)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help page into ``formatter``."""
        formatter.write(_Page(ctx).group(self))


def exit_code_lines() -> list[tuple[str, str]]:
    """Return each exit code and its meaning, for people."""
    return [(str(int(code)), meaning) for code, meaning in MEANINGS.items()]


def is_common(parameter: Any) -> bool:
    """Return whether an option is one that every command takes."""
    return getattr(parameter, "rich_help_panel", None) == COMMON_PANEL


def spelled(parameter: Any) -> str:
    """Return an option or argument as it is written: ``-o, --output table|wide``."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    names = [*parameter.opts, *parameter.secondary_opts]
    text = ", ".join(sorted(names, key=len))
    return text if parameter.is_flag else f"{text} {parameter.metavar or parameter.name.upper()}"


def usage(ctx: Any, command: Any) -> str:
    """Return how a command is called: ``perdure wait [OPTIONS] ID``."""
    words = [ctx.command_path]
    if isinstance(command, TyperGroup):
        return " ".join([*words, "[OPTIONS]", "COMMAND", "..."])
    words.append("[OPTIONS]")
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            word = spelled(parameter)
            words.append(word if parameter.required else f"[{word}]")
    return " ".join(words)


class _Page:
    """One help page, written from top to bottom."""

    def __init__(self, ctx: Any) -> None:
        self._ctx = ctx
        self._has_colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
        self._width = max(_MIN_WIDTH, min(columns, _MAX_WIDTH))

    def command(self, command: Any) -> str:
        own = [p for p in command.get_params(self._ctx) if not is_common(p) and p.name != "help"]
        examples = (command.epilog or "").splitlines()
        return self._joined(
            self._opening(command),
            self._section("Arguments", _rows(p for p in own if p.param_type_name == "argument")),
            self._section("Options", _rows(p for p in own if p.param_type_name != "argument")),
            self._common(command),
            self._section("Examples", [(f"$ {example}", "") for example in examples]),
        )

    def group(self, group: Any) -> str:
        titles: dict[str, list[tuple[str, str]]] = {}
        for name, command in group.commands.items():
            if not command.hidden:
                title = getattr(command, "rich_help_panel", None)
                title = title if isinstance(title, str) else "Commands"
                titles.setdefault(title, []).append((name, _first_line(command.help)))
        own = [p for p in group.get_params(self._ctx) if not is_common(p) and p.name != "help"]
        return self._joined(
            self._opening(group),
            *(self._section(title, rows) for title, rows in titles.items()),
            self._common(group),
            self._section("Options", _rows(own)),
            self._exit_codes() if self._ctx.parent is None else "",
        )

    def _opening(self, command: Any) -> str:
        lines = [f"{self._heading('Usage')} {usage(self._ctx, command)}", ""]
        for paragraph in (command.help or "").split("\n\n"):
            lines += [*textwrap.wrap(" ".join(paragraph.split()), self._width), ""]
        return "\n".join(lines)

    def _common(self, command: Any) -> str:
        return self._section(COMMON_PANEL, _rows(p for p in command.params if is_common(p)))

    def _exit_codes(self) -> str:
        words = " · ".join(f"{code} {meaning}" for code, meaning in exit_code_lines())
        if not _can_show("·"):
            words = words.replace(" · ", ", ")
        lines = textwrap.wrap(words, self._width - 2)
        return "\n".join([self._heading("Exit codes"), *(f"  {line}" for line in lines), ""])

    def _section(self, title: str, rows: Sequence[tuple[str, str]]) -> str:
        if not rows:
            return ""
        left = min(max(len(name) for name, _ in rows), _MAX_LEFT)
        lines = [self._heading(title)]
        for name, words in rows:
            lines += self._row(name, words, left)
        return "\n".join([*lines, ""])

    def _row(self, name: str, words: str, left: int) -> list[str]:
        if not words:
            return [f"  {name}"]
        indent = " " * (left + 4)
        wrapped = textwrap.wrap(words, self._width - len(indent))
        shown = f"  {self._painted(_NAME, name)}"
        if len(name) > left:
            return [shown, *(indent + line for line in wrapped)]
        first = shown + " " * (left - len(name) + 2) + wrapped[0]
        return [first, *(indent + line for line in wrapped[1:])]

    def _heading(self, title: str) -> str:
        return self._painted(_BOLD, f"{title}:")

    def _painted(self, style: str, text: str) -> str:
        return f"{style}{text}{_END}" if self._has_colour else text

    @staticmethod
    def _joined(*sections: str) -> str:
        return "\n".join(section for section in sections if section)


def _rows(parameters: Iterable[Any]) -> list[tuple[str, str]]:
    return [(spelled(p), p.help or "") for p in parameters if not getattr(p, "hidden", False)]


def _first_line(help: str | None) -> str:
    return (help or "").strip().split("\n\n")[0].replace("\n", " ")


def _can_show(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
