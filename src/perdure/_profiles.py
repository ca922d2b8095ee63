"""The file of profiles: read, checked, and where it is broken, told by line and key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perdure.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROFILE_FILE = "perdure.toml"
PROFILE_KEYS = ("backend", "hub", "payloads")
_TABLES_OF_OTHERS = ("cost",)
"""Read by packages beside this one, which say themselves what is wrong there."""

_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"\s*([^=\[#]+?)\s*=")
_AT_LINE = re.compile(r"^(.*) \(at line (\d+), column (\d+)\)$", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiles:
    """The content of ``perdure.toml``.

    Attributes:
        default: The profile to use when nothing else names one.
        tables: The profiles by name.
        lines: Where each key stands, by its dotted name.
    """

    default: str | None = None
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)

    def get(self, name: str, *, setting: str) -> Mapping[str, str]:
        """Return the profile called ``name``.

        Raises:
            ConfigurationError: There is none; ``setting`` is what asked for it.
        """
        if name not in self.tables:
            known = ", ".join(sorted(self.tables)) or "none"
            problem = f"no profile {name!r} in {PROFILE_FILE} of this folder; it has: {known}"
            raise ConfigurationError(setting=setting, problem=problem)
        return self.tables[name]

    def label(self, name: str, key: str) -> str:
        """Return where a key of a profile stands, in words."""
        line = self.lines.get(f"profiles.{name}.{key}")
        place = PROFILE_FILE if line is None else f"{PROFILE_FILE} line {line}"
        return f"{key} of [profiles.{name}] in {place}"


def read_profiles(path: Path) -> Profiles:
    """Return what the file at ``path`` says; nothing where there is no file.

    Raises:
        ConfigurationError: It cannot be read, or has what it must not; names the line and the key.
    """
    import tomllib

    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except FileNotFoundError:
        return Profiles()
    except tomllib.TOMLDecodeError as error:
        raise _unreadable(path, str(error), text) from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(setting=str(path), problem=f"cannot be read: {error}") from error
    lines = _lines_of_keys(text)
    fault = _fault(content)
    if fault is not None:
        key, problem = fault
        line = _nearest(lines, key)
        place = str(path) if line is None else f"{path}, line {line}"
        raise ConfigurationError(setting=f"{place}, key {key}", problem=problem)
    return Profiles(default=content.get("profile"), tables=content.get("profiles", {}), lines=lines)


def _unreadable(path: Path, problem: str, text: str) -> ConfigurationError:
    match = _AT_LINE.match(problem)
    if match is None:  # "at end of document"
        line, words = text.count("\n") + 1, problem
    else:
        line, words = int(match[2]), f"{match[1]} at column {match[3]}"
    content = text.split("\n")[line - 1].strip() if line <= text.count("\n") + 1 else ""
    key = _ASSIGNMENT.match(content)
    place = f"{path}, line {line}" + (f", key {key[1]}" if key else "")
    shown = f": {content}" if content else ""
    return ConfigurationError(setting=place, problem=f"cannot be read: {words}{shown}")


def _fault(content: Mapping[str, object]) -> tuple[str, str] | None:
    """Return the first key that is wrong, by its dotted name, and what is wrong with it."""
    for key in content:
        if key not in ("profile", "profiles", *_TABLES_OF_OTHERS):
            return key, f"unknown key {key!r}; known: profile, profiles"
    tables = content.get("profiles", {})
    for key, is_right in (
        ("profile", isinstance(content.get("profile", ""), str)),
        ("profiles", isinstance(tables, dict)),
    ):
        if not is_right:
            words = (
                'profile is a name, and profiles are tables: [profiles.local], backend = "sqlite"'
            )
            return key, words
    assert isinstance(tables, dict)
    faults = (_fault_of_table(name, table) for name, table in tables.items())
    return next((fault for fault in faults if fault is not None), None)


def _fault_of_table(name: str, table: object) -> tuple[str, str] | None:
    if not isinstance(table, dict):
        problem = (
            f'[profiles.{name}] is not a table; write [profiles.{name}] and backend = "sqlite"'
        )
        return f"profiles.{name}", problem
    for key, value in table.items():
        if key not in PROFILE_KEYS:
            import difflib

            near = difflib.get_close_matches(key, PROFILE_KEYS, n=1)
            meant = f" (did you mean {near[0]!r}?)" if near else ""
            known = ", ".join(PROFILE_KEYS)
            return f"profiles.{name}.{key}", f"unknown key {key!r}{meant}; known: {known}"
        if not isinstance(value, str):
            return f"profiles.{name}.{key}", f"{key} must be text, got {value!r}"
        if not value:
            return f"profiles.{name}.{key}", f"{key} is empty; drop the line to leave it unset"
    return None


def _lines_of_keys(text: str) -> dict[str, int]:
    """Return the line of each key by its dotted name, as far as a look at each line can tell.

    The parser keeps no lines. Keys of inline tables are not among them.
    """
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            table = _dotted(header[1])
            key = table
        elif assignment := _ASSIGNMENT.match(line):
            key = _dotted(assignment[1])
            key = f"{table}.{key}" if table else key
        else:
            continue
        parts = key.split(".")
        for depth in range(1, len(parts) + 1):
            lines.setdefault(".".join(parts[:depth]), number)
    return lines


def _nearest(lines: Mapping[str, int], key: str) -> int | None:
    """Return the line of ``key``, or of the table around it."""
    while key not in lines and "." in key:
        key = key.rpartition(".")[0]
    return lines.get(key)


def _dotted(key: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in key.split("."))
