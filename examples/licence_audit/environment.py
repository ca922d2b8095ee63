"""Read the environment this interpreter runs in: what is installed, and the licence files."""

from __future__ import annotations

import os
import platform
import re
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from declared import Declaration, LicenceFile

if TYPE_CHECKING:
    from collections.abc import Iterator

_LICENCE_NAME = re.compile(
    r"(licen[cs]e|copying|unlicen[cs]e|copyright|notice)([-_. ].*)?", re.IGNORECASE
)
_MAX_BYTES = 400_000


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Installed:
    """An installed distribution."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where an audit looked, and what was there."""

    folder: str
    python: str
    distributions: tuple[Installed, ...]


def look() -> Environment:
    """Describe the environment of this interpreter; each distribution is listed once."""
    found: dict[str, Installed] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        # A folder left over from a broken uninstall has no name: there is nothing to audit in it.
        if name:
            found.setdefault(_normalised(name), Installed(name=name, version=distribution.version))
    listed = tuple(found[key] for key in sorted(found))
    return Environment(
        folder=_short(sys.prefix), python=platform.python_version(), distributions=listed
    )


def read(name: str) -> Declaration:
    """Read the metadata and licence files of one distribution.

    Raises:
        PackageNotFoundError: It is not installed (any more).
        OSError: One of its files cannot be read.
    """
    distribution = metadata.distribution(name)
    fields = distribution.metadata
    return Declaration(
        name=fields["Name"],
        version=distribution.version,
        expression=_field(fields, "License-Expression"),
        field=_field(fields, "License"),
        classifiers=tuple(fields.get_all("Classifier") or ()),
        files=tuple(_licence_files(distribution)),
    )


def _field(fields: metadata.PackageMetadata, name: str) -> str:
    return fields[name].strip() if name in fields else ""


def _licence_files(distribution: metadata.Distribution) -> Iterator[LicenceFile]:
    listed = set(distribution.metadata.get_all("License-File") or ())
    for path in sorted(distribution.files or (), key=str):
        folder, _, inside = str(path).replace("\\", "/").partition("/")
        if not folder.endswith((".dist-info", ".egg-info")):
            continue
        inside = inside.removeprefix("licenses/")
        if inside in listed or _LICENCE_NAME.fullmatch(inside.rpartition("/")[2]):
            yield LicenceFile(path=inside, text=_text(distribution, path))


def _text(distribution: metadata.Distribution, path: metadata.PackagePath) -> str:
    with open(str(distribution.locate_file(path)), "rb") as file:
        return file.read(_MAX_BYTES).decode(errors="replace")


def _short(folder: str) -> str:
    home = str(Path.home())
    return f"~{folder.removeprefix(home)}" if folder.startswith(f"{home}{os.sep}") else folder


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
