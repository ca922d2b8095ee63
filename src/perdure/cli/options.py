"""The options that every command takes, declared once, before the command's name or after it."""

from __future__ import annotations

import enum
import inspect
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMON_PANEL = "Options of every command"


class Format(enum.StrEnum):
    """How results are written."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    JSONL = "jsonl"
    IDS = "ids"


class TimeStyle(enum.StrEnum):
    """How instants are written for people; JSON always has them in ISO 8601."""

    RELATIVE = "relative"
    ISO = "iso"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The common options, with what the user said; ``None`` is nothing."""

    backend: str | None = None
    profile: str | None = None
    hub: str | None = None
    output: Format | None = None
    time: TimeStyle | None = None
    yes: bool = False
    debug: bool = False
    no_color: bool = False

    @property
    def format(self) -> Format:
        """How results are written."""
        return self.output or Format.TABLE

    def merged(self, given: Mapping[str, Any]) -> Options:
        """Return these with what was ``given`` after the command's name, which wins."""
        pairs = ((field.name, getattr(self, field.name)) for field in fields(self))
        return Options(**{name: given.get(name) or before for name, before in pairs})


def _option(*names: str, help: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=help, metavar=metavar, rich_help_panel=COMMON_PANEL)


_DECLARED: dict[str, Any] = {
    "backend": Annotated[
        str | None,
        _option(
            "--backend", "-b", help="Which backend, as in PERDURE_BACKEND.", metavar="NAME|URL"
        ),
    ],
    "profile": Annotated[
        str | None, _option("--profile", help="Which profile of perdure.toml.", metavar="NAME")
    ],
    "hub": Annotated[str | None, _option("--hub", help="Which hub of it.", metavar="NAME")],
    "output": Annotated[
        Format | None,
        _option("--output", "-o", help="How to write results.", metavar="|".join(Format)),
    ],
    "time": Annotated[
        TimeStyle | None,
        _option("--time", help="How to write times in tables.", metavar="|".join(TimeStyle)),
    ],
    "yes": Annotated[bool, _option("--yes", "-y", help="Ask nothing.")],
    "debug": Annotated[bool, _option("--debug", help="Show tracebacks of errors.")],
    "no_color": Annotated[bool, _option("--no-color", help="No colours (as NO_COLOR does).")],
}


def common_parameters() -> list[inspect.Parameter]:
    """Return the declarations, for the end of a command's signature."""
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=_DECLARED[field.name],
            default=field.default,
        )
        for field in fields(Options)
    ]


def take_common(given: dict[str, Any]) -> dict[str, Any]:
    """Take the common options out of ``given``, and return them."""
    return {field.name: given.pop(field.name) for field in fields(Options)}
