"""The arguments that several commands take, and how their text is read."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from perdure.cli.exit_codes import CommandError, ExitCode
from perdure.cli.text import parse_duration, parse_moment

T = TypeVar("T")

FROM_STDIN = "-"


def duration(text: str) -> timedelta:
    """Read a duration of the command line."""
    return _read(parse_duration, text)


def moment(text: str) -> timedelta | datetime:
    """Read a duration or an instant of the command line."""
    return _read(parse_moment, text)


Id = Annotated[str, typer.Argument(metavar="ID", help="The instance's id.", show_default=False)]
Ids = Annotated[
    list[str],
    typer.Argument(metavar="ID...", help="The instances' ids; - reads them from stdin."),
]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the history.", metavar="TEXT")]
Timeout = Annotated[
    Any,
    typer.Option(
        "--timeout", parser=duration, help="How long to wait, as in 30s.", metavar="DURATION"
    ),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", help="A tag, as key=value; may be repeated.", metavar="KEY=VALUE"),
]
Module = Annotated[
    str,
    typer.Argument(
        metavar="MODULE[:APP]",
        help="A module or a file with an App or a Registry: trips, trips.py, pkg.trips:app.",
    ),
]


def read_ids(given: list[str]) -> list[str]:
    """Return the ids of the command line, with those of stdin where a ``-`` stands."""
    ids: list[str] = []
    for word in given:
        if word == FROM_STDIN:
            ids += [line.strip() for line in sys.stdin if line.strip()]
        else:
            ids.append(word)
    return list(dict.fromkeys(ids))


def read_json(given: str, *, option: str) -> Any:
    """Return the value of JSON text, of a file (``@path``) or of stdin (``-``).

    Raises:
        CommandError: It cannot be read, or is not JSON.
    """
    text = _text_of(given, option)
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        message = f"{option}: not JSON: {error}"
        step = f'{option} \'{{"name": "value"}}\', {option} @file.json, or {option} - for stdin'
        raise CommandError(message, step=step, code=ExitCode.USAGE) from error


def read_arguments(given: str | None) -> dict[str, Any]:
    """Return a workflow's arguments by parameter name.

    Raises:
        CommandError: It is not a JSON object.
    """
    if given is None:
        return {}
    value = read_json(given, option="--input")
    if not isinstance(value, dict):
        kind = {list: "a list", str: "a text", type(None): "null"}.get(
            type(value), "a single value"
        )
        message = f"--input: an object of arguments by parameter name is wanted, and this is {kind}"
        step = f"--input '{{\"parameter\": {json.dumps(value)[:40]}}}'"
        raise CommandError(message, step=step, code=ExitCode.USAGE)
    return value


def read_pairs(given: list[str] | None, *, option: str) -> dict[str, str]:
    """Return what several ``key=value`` say.

    Raises:
        CommandError: One of them has no ``=``.
    """
    pairs = {}
    for text in given or ():
        key, mark, value = text.partition("=")
        if not (key and mark):
            message = f"{option}: {text!r} is no key=value"
            raise CommandError(message, step=f"{option} country=no", code=ExitCode.USAGE)
        pairs[key] = value
    return pairs


def _text_of(given: str, option: str) -> str:
    if given == FROM_STDIN:
        return sys.stdin.read()
    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        message = f"{option}: cannot read {given[1:]!r}: {reason}"
        raise CommandError(message, step="check the path", code=ExitCode.USAGE) from error


def _read(parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
