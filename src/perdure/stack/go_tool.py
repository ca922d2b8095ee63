"""Running Go in a folder: told now and then that it still works, and quoted when it fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from perdure.stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perdure.stack.server import Tell

_TELL_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.1
_QUOTED_LINES: Final = 20
_SETTINGS: Final = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly -buildvcs=false",
    "GOTOOLCHAIN": "local",  # else Go would fetch another Go, unasked
    "GOWORK": "off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GoTool:
    """A Go, and the folder that it works in.

    Attributes:
        program: Go itself.
        workspace: Where it runs.
        stack: The stack that it builds for, for errors.
        environment: The variables of the user.
        tell: Takes words for the user.
    """

    program: str
    workspace: Path
    stack: str
    environment: Mapping[str, str] = field(repr=False)
    tell: Tell = field(repr=False)

    def at(self, workspace: Path) -> GoTool:
        """Return the same Go in another folder."""
        return replace(self, workspace=workspace)

    def version(self) -> str:
        """Return its version; empty if it says none."""
        done = subprocess.run(
            [self.program, "env", "GOVERSION"],
            env=self._variables(),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip().removeprefix("go")

    def run(self, arguments: Sequence[str], *, step: str, begun: float | None = None) -> str:
        """Run Go, and return what it writes.

        Args:
            arguments: What it shall do.
            step: What that is, in words.
            begun: When the whole began that this is a step of, by the monotonic clock; now if it
                is not given.

        Raises:
            StackError: It fails; the message quotes the end of what it says.
        """
        output, errors = self.workspace / "output", self.workspace / "errors"
        with (
            output.open("w") as out,
            errors.open("w") as err,
            subprocess.Popen(
                [self.program, *arguments],
                cwd=self.workspace,
                env=self._variables(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            ) as process,
        ):
            try:
                self._wait(process, step, time.monotonic() if begun is None else begun)
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            lines = errors.read_text(encoding="utf-8", errors="replace").splitlines()
            tail = "\n".join(lines[-_QUOTED_LINES:])
            problem = f"building {step} failed; the end of what Go says:\n{tail}"
            raise StackError(stack=self.stack, problem=problem)
        return output.read_text(encoding="utf-8")

    def _wait(self, process: subprocess.Popen[bytes], step: str, begun: float) -> None:
        told = time.monotonic()
        while process.poll() is None:
            if time.monotonic() - told >= _TELL_SECONDS:
                told = time.monotonic()
                self.tell(f"building {step}, {told - begun:.0f} s so far")
            time.sleep(_POLL_SECONDS)

    def _variables(self) -> dict[str, str]:
        return {**self.environment, **_SETTINGS}


def find_go(*, stack: str, environment: Mapping[str, str], tell: Tell) -> GoTool | None:
    """Return the Go on the search path of ``environment``, if there is one."""
    program = shutil.which("go", path=environment.get("PATH", os.defpath))
    if program is None:
        return None
    return GoTool(
        program=program, workspace=Path(), stack=stack, environment=environment, tell=tell
    )


def numbers_of(version: str) -> tuple[int, ...]:
    """Return the up to three numbers of a version, to compare."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
