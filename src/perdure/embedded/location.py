"""Where the engine's file is and how it is used: what ``PERDURE_BACKEND=sqlite:///…`` says."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal, cast, get_args
from urllib.parse import parse_qsl, unquote

from perdure.embedded.faults import translate
from perdure.errors import ConfigurationError

DEFAULT_FOLDER: Final = ".perdure"
DEFAULT_PATH: Final = f"{DEFAULT_FOLDER}/perdure.db"
DEFAULT_MAX_CACHED: Final = 1000

Synchronous = Literal["full", "normal"]
"""Whether a commit waits until it is on the disk, or only until the system has it."""

_SCHEME: Final = "sqlite"
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d|w)")
_COUNT: Final = re.compile(r"[1-9][0-9]{0,8}")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """One hub of the embedded engine.

    Attributes:
        path: The file, absolute and without symbolic links, so that all mean the same locks by it.
        retention: How long a finished instance is kept; ``None`` is for ever.
        max_cached: How many instances a worker keeps loaded.
        synchronous: What commits of this process wait for.
    """

    path: Path
    retention: timedelta | None = None
    max_cached: int = DEFAULT_MAX_CACHED
    synchronous: Synchronous = "full"

    @property
    def locks_folder(self) -> Path:
        """Where each process that takes part holds a lock on a file of its own."""
        return Path(f"{self.path}.locks")


def parse_location(text: str) -> Location:
    """Return what ``sqlite``, ``sqlite:///relative.db`` or ``sqlite:////absolute.db`` says.

    Options follow a ``?``: ``retention=30d``, ``max_cached=1000``, ``synchronous=normal``.

    Raises:
        ConfigurationError: It is none of these, or has an unknown or impossible option.
    """
    address, _, query = text.partition("?")
    path = _path_of(address, text)
    options = _options_of(query, text)
    retention = options.pop("retention", None)
    max_cached = options.pop("max_cached", None)
    synchronous = options.pop("synchronous", "full")
    if options:
        known = "max_cached, retention, synchronous"
        problem = f"unknown option {min(options)!r} in {text!r}; known: {known}"
        raise ConfigurationError(setting="backend", problem=problem)
    return Location(
        path=path,
        retention=None if retention is None else _duration(retention, text),
        max_cached=DEFAULT_MAX_CACHED if max_cached is None else _count(max_cached, text),
        synchronous=_synchronous(synchronous, text),
    )


def make_folder(location: Location) -> None:
    """Make the file's folder if it is not there; what lies in ``.perdure`` is kept out of git.

    Raises:
        StorageError: It cannot be made.
    """
    folder = location.path.parent
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            _sync_folder(folder.parent)
        if folder.name == DEFAULT_FOLDER:
            _ignore_in_git(folder / ".gitignore")
    except OSError as error:
        raise translate(error, location.path) from error


def _path_of(address: str, text: str) -> Path:
    scheme, _, rest = address.partition(":")
    if scheme != _SCHEME:
        problem = f"{text!r} does not begin with 'sqlite'; for example sqlite:///path/to/file.db"
        raise ConfigurationError(setting="backend", problem=problem)
    if rest in {"", "//", "///"}:
        return Path(DEFAULT_PATH).resolve()
    if not rest.startswith("///"):
        problem = f"{text!r}: three slashes for a relative path, four for an absolute one"
        raise ConfigurationError(setting="backend", problem=problem)
    name = unquote(rest[3:])
    if name == ":memory:":
        problem = (
            f"{text!r}: nothing in memory is durable; for tests use perdure.testing.run_in_memory"
        )
        raise ConfigurationError(setting="backend", problem=problem)
    try:
        path = Path(name).expanduser().resolve()
        is_folder = name.endswith("/") or path.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigurationError(
            setting="backend", problem=f"{text!r} is no usable path: {error}"
        ) from error
    if is_folder:
        problem = f"{text!r} names a folder; add the name of the file, as in {name}/perdure.db"
        raise ConfigurationError(setting="backend", problem=problem)
    return path


def _options_of(query: str, text: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    if len(options) < len(pairs):
        raise ConfigurationError(setting="backend", problem=f"an option is given twice in {text!r}")
    return options


def _duration(value: str, text: str) -> timedelta:
    match = _DURATION.fullmatch(value)
    try:
        duration = timedelta(**{_UNITS[match[2]]: float(match[1])}) if match else timedelta()
    except OverflowError:
        duration = timedelta()
    if duration <= timedelta():
        problem = (
            f"retention={value} in {text!r}: say a number and a unit (s, m, h, d, w), as in 30d"
        )
        raise ConfigurationError(setting="backend", problem=problem)
    return duration


def _count(value: str, text: str) -> int:
    if not _COUNT.fullmatch(value):
        problem = f"max_cached={value} in {text!r}: say a whole number from 1 to 999999999"
        raise ConfigurationError(setting="backend", problem=problem)
    return int(value)


def _synchronous(value: str, text: str) -> Synchronous:
    if value not in get_args(Synchronous):
        problem = f"synchronous={value} in {text!r}: say full or normal"
        raise ConfigurationError(setting="backend", problem=problem)
    return cast("Synchronous", value)


def _sync_folder(folder: Path) -> None:
    # SQLite syncs the folder of its file, but not the entry of that folder in the one above.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _ignore_in_git(path: Path) -> None:
    try:
        with path.open("x", encoding="ascii") as file:
            file.write("*\n")
    except FileExistsError:
        pass
