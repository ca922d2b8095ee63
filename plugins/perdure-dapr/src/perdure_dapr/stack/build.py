"""Building Dapr's programs from the pinned Go module, once per user and version."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from perdure.stack import StackError
from perdure_dapr.stack.programs import BUILT_HERE, FOLDER_VARIABLE, STACK, Programs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from perdure.stack import Tell

_DAPR: Final = "github.com/dapr/dapr"
_TAGS: Final = "stablecomponents,conversation_echo"
_WORKSPACE: Final = "building-"
_TELL_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.1
_WAYS_OUT: Final = (
    "Two ways out: install Dapr's programs (the Dapr CLI's `dapr init --slim`, or a folder that "
    f"{FOLDER_VARIABLE} names), or install Go {{go}} or newer from https://go.dev/dl and try again"
)
# The health listener of Dapr up to 1.18 ignores the address that it is given, and is open to the
# network; Dapr 1.19 keeps to it. In what is built here it stays on loopback.
_HEALTH_FILE: Final = Path("pkg/healthz/server/server.go")
_HEALTH_OPEN: Final = 'fmt.Sprintf(":%d", s.port)'
_HEALTH_CLOSED: Final = 'fmt.Sprintf("127.0.0.1:%d", s.port)'


class Builder:
    """Builds into the cache of this user, a folder for each version and way of building."""

    def __init__(self, *, environment: Mapping[str, str], tell: Tell) -> None:
        self._environment = environment
        self._tell = tell
        module = files("perdure_dapr") / "runtime"
        self._go_mod = (module / "go.mod").read_text(encoding="utf-8")
        self._go_sum = (module / "go.sum").read_text(encoding="utf-8")
        self.version = _found(rf"^\s*(?:require\s+)?{re.escape(_DAPR)} v(\S+)", self._go_mod)
        self.go_version = _found(r"^go (\S+)", self._go_mod)

    @property
    def folder(self) -> Path:
        """Where this version is kept."""
        home = self._environment.get("HOME") or str(Path.home())
        cache = self._environment.get("XDG_CACHE_HOME") or str(Path(home) / ".cache")
        parts = (self._go_mod, self._go_sum, _TAGS, self._linker_flags, _HEALTH_CLOSED)
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
        return Path(cache).absolute() / "perdure" / "dapr" / f"{self.version}-{digest}"

    def built(self, names: Sequence[str]) -> Programs | None:
        """Return the programs if all of them are there already."""
        if not all(os.access(self.folder / name, os.X_OK) for name in names):
            return None
        return Programs(folder=self.folder, origin=BUILT_HERE, version=self.version)

    def build(self, names: Sequence[str]) -> Programs:
        """Build those of ``names`` that are missing, and return all.

        What is built stays, so an interrupted build goes on where it was.

        Raises:
            StackError: There is no Go, or one that is too old, or the build fails.
        """
        if (programs := self.built(names)) is not None:
            return programs
        go = self._go()
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            for leftover in self.folder.glob(f"{_WORKSPACE}*"):  # of a build that was killed
                shutil.rmtree(leftover, ignore_errors=True)
            missing = [name for name in names if not os.access(self.folder / name, os.X_OK)]
            with tempfile.TemporaryDirectory(prefix=_WORKSPACE, dir=self.folder) as folder:
                if missing:
                    self._build_missing(go, missing, Path(folder))
        return Programs(folder=self.folder, origin=BUILT_HERE, version=self.version)

    @property
    def _linker_flags(self) -> str:
        return f"-s -w -X {_DAPR}/pkg/buildinfo.version={self.version}"

    def _build_missing(self, go: str, names: Sequence[str], workspace: Path) -> None:
        self._tell(
            f"building Dapr {self.version} ({', '.join(names)}) into {self.folder}; the first time "
            "this takes 6 to 7 minutes on two cores, later ones well under one"
        )
        (workspace / "go.mod").write_text(self._go_mod, encoding="utf-8")
        (workspace / "go.sum").write_text(self._go_sum, encoding="utf-8")
        self._close_health_listener(go, workspace)
        begun = time.monotonic()
        for number, name in enumerate(names, start=1):
            step = f"{name} ({number} of {len(names)})"
            arguments = ["build", "-trimpath", "-tags", _TAGS, "-ldflags", self._linker_flags]
            arguments += ["-o", str(workspace / name), f"{_DAPR}/cmd/{name}"]
            self._run(go, arguments, workspace, step, begun)
            (workspace / name).replace(self.folder / name)
        self._tell(f"Dapr {self.version} is built, {time.monotonic() - begun:.0f} s")

    def _close_health_listener(self, go: str, workspace: Path) -> None:
        """Have Go take Dapr from a copy in which one line differs."""
        asked = ["list", "-f", "{{.Module.Dir}}", f"{_DAPR}/pkg/buildinfo"]
        source = self._run(go, asked, workspace, "the sources", time.monotonic()).strip()
        copy = workspace / "dapr"
        # Go's own copy is read-only, and so would be what is copied with its permissions.
        shutil.copytree(
            source, copy, ignore=shutil.ignore_patterns("tests"), copy_function=shutil.copyfile
        )
        file = copy / _HEALTH_FILE
        text = file.read_text(encoding="utf-8")
        if _HEALTH_OPEN not in text:
            problem = f"{_HEALTH_FILE} of Dapr {self.version} is not as expected"
            raise StackError(stack=STACK, problem=problem)
        file.write_text(text.replace(_HEALTH_OPEN, _HEALTH_CLOSED), encoding="utf-8")
        with (workspace / "go.mod").open("a", encoding="utf-8") as go_mod:
            go_mod.write(f"\nreplace {_DAPR} => ./{copy.name}\n")

    def _run(
        self, go: str, arguments: Sequence[str], workspace: Path, step: str, begun: float
    ) -> str:
        """Run Go, tell now and then that it still works, and return what it writes."""
        output, errors = workspace / "output", workspace / "errors"
        with (
            output.open("w") as out,
            errors.open("w") as err,
            subprocess.Popen(
                [go, *arguments],
                cwd=workspace,
                env=self._go_environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            ) as process,
        ):
            try:
                self._wait(process, step, begun)
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            tail = "\n".join(errors.read_text(errors="replace").splitlines()[-20:])
            problem = f"building {step} failed; the end of what Go says:\n{tail}"
            raise StackError(stack=STACK, problem=problem)
        return output.read_text(encoding="utf-8")

    def _wait(self, process: subprocess.Popen[bytes], step: str, begun: float) -> None:
        told = time.monotonic()
        while process.poll() is None:
            if time.monotonic() - told >= _TELL_SECONDS:
                told = time.monotonic()
                self._tell(f"building {step}, {told - begun:.0f} s so far")
            time.sleep(_POLL_SECONDS)

    def _go(self) -> str:
        """Return Go's program, if it is there and new enough."""
        go = shutil.which("go", path=self._environment.get("PATH", os.defpath))
        ways_out = _WAYS_OUT.format(go=self.go_version)
        if go is None:
            problem = (
                f"Dapr's programs are not installed, and there is no Go to build them. {ways_out}"
            )
            raise StackError(stack=STACK, problem=problem)
        done = subprocess.run(
            [go, "env", "GOVERSION"],
            env=self._go_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        found = done.stdout.strip().removeprefix("go")
        if _numbers(found) < _numbers(self.go_version):
            problem = f"{go} is Go {found or '?'}, too old to build Dapr {self.version}. {ways_out}"
            raise StackError(stack=STACK, problem=problem)
        return go

    def _go_environment(self) -> dict[str, str]:
        return {
            **self._environment,
            "CGO_ENABLED": "0",
            "GOFLAGS": "-mod=readonly -buildvcs=false",
            "GOTOOLCHAIN": "local",  # else Go would fetch another Go, unasked
            "GOWORK": "off",
        }

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._tell("another process builds Dapr here; waiting for it")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise StackError(stack=STACK, problem=f"its go.mod has no line like {pattern}")
    return match[1]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
