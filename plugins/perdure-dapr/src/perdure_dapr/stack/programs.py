"""Finding Dapr's programs: a set of one version, all from one folder.

In this order: the folder that ``PERDURE_DAPR_BIN`` names, the search path, the Dapr CLI's own
folder, and what was built here earlier (:mod:`perdure_dapr.stack.build`).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from perdure.stack import StackError
from perdure_dapr.stack.servers import PLACEMENT, SCHEDULER, SENTRY, SIDECAR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perdure.stack import Tell

FOLDER_VARIABLE: Final = "PERDURE_DAPR_BIN"
OLDEST: Final = (1, 17)
BUILT_HERE: Final = "built here"
STACK: Final = "dapr"

_PROGRAMS: Final = (PLACEMENT, SCHEDULER, SIDECAR)
_CLOSED_SINCE: Final = (1, 19)
_UNRELEASED: Final = "edge"  # what a build says that was given no version
_STARTING: Final = re.compile(r"version ([^\s\"\\]+) -- commit")
_ASK_SECONDS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """A set of programs that can be used.

    Attributes:
        folder: Where all of them are.
        origin: How they were found, in words.
        version: What the sidecar says of itself.
    """

    folder: Path
    origin: str
    version: str

    @property
    def has_open_health_listeners(self) -> bool:
        """Whether health listeners ignore their address, and are open to the network."""
        return self.origin != BUILT_HERE and _numbers(self.version) < _CLOSED_SINCE


def needed(*, has_mtls: bool) -> tuple[str, ...]:
    """Return the names of the programs that a stack needs, in the order in which they are built."""
    return (*_PROGRAMS, SENTRY) if has_mtls else _PROGRAMS


def find_installed(
    names: Sequence[str], *, environment: Mapping[str, str], tell: Tell
) -> Programs | None:
    """Return the programs that are installed on this machine, or ``None``.

    A folder that lacks one of them is passed over, and ``tell`` hears of it; so is one with a
    version that is too old. Only for the folder that the variable names either is an error.

    Raises:
        StackError: The folder that ``PERDURE_DAPR_BIN`` names cannot be used.
    """
    named = environment.get(FOLDER_VARIABLE)
    if named:
        folder = Path(named).expanduser().absolute()
        if problem := _problem(folder, names):
            raise StackError(stack=STACK, problem=f"{FOLDER_VARIABLE}={named}: {problem}")
        return Programs(folder=folder, origin=FOLDER_VARIABLE, version=version_of(folder))
    for folder, origin in _places(environment):
        problem = _problem(folder, names)
        if not problem:
            return Programs(folder=folder, origin=origin, version=version_of(folder))
        if _present(folder, names):
            tell(f"not using Dapr in {folder} ({origin}): {problem}")
    return None


def version_of(folder: Path) -> str:
    """Return the version that the sidecar in ``folder`` says it has.

    Raises:
        StackError: It cannot be run, or says nothing.
    """
    program = folder / SIDECAR
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=_ASK_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        problem = f"{program} --version does not work ({error}); install Dapr again"
        raise StackError(stack=STACK, problem=problem) from error
    return done.stdout.strip().removeprefix("v")


def versions_in_logs(logs: Mapping[str, str]) -> dict[str, str]:
    """Return by server the version that it logged when it started.

    Only the sidecar can be asked beforehand.

    Raises:
        StackError: They are not all the same.
    """
    found = {name: _STARTING.findall(log)[-1:] for name, log in logs.items()}
    versions = {name: version[0].removeprefix("v") for name, version in found.items() if version}
    if len(set(versions.values()) - {_UNRELEASED}) > 1:
        told = ", ".join(f"{name} {version}" for name, version in versions.items())
        problem = f"its programs are of different versions: {told}; install one version of Dapr, "
        problem += f"or name a folder that has one with {FOLDER_VARIABLE}"
        raise StackError(stack=STACK, problem=problem)
    return versions


def _places(environment: Mapping[str, str]) -> list[tuple[Path, str]]:
    path = environment.get("PATH", os.defpath)
    on_path = shutil.which(SIDECAR, path=path)
    home = Path(environment.get("HOME") or Path.home())
    found = [(Path(on_path).absolute().parent, "PATH")] if on_path else []
    return [*found, (home / ".dapr" / "bin", "the Dapr CLI's folder")]


def _present(folder: Path, names: Sequence[str]) -> list[str]:
    return [name for name in names if os.access(folder / name, os.X_OK)]


def _problem(folder: Path, names: Sequence[str]) -> str:
    """Return why the programs in ``folder`` cannot be used; empty if they can."""
    missing = [name for name in names if name not in _present(folder, names)]
    if missing:
        return f"{' and '.join(missing)} not there; `dapr init --slim` installs all but sentry"
    version = version_of(folder)
    # Unreleased code says no number.
    if () < _numbers(version) < OLDEST:
        least = ".".join(str(number) for number in OLDEST)
        return f"Dapr {version} is too old; at least {least} is needed: `dapr upgrade`"
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)", version)
    return tuple(int(number) for number in found.groups()) if found else ()
