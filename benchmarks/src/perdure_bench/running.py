"""A run, from what is asked to its folder: pytest over the suites, with the plugin."""

from __future__ import annotations

import contextlib
import difflib
import io
import os
import platform
import signal
import sys
import tempfile
from dataclasses import asdict, replace
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import psutil

from perdure_bench.run_folder import Run, RunFolder
from perdure_bench.session import Asked, Session
from perdure_bench.workloads import MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_SUITES = Path(__file__).parent / "suites"
_SUITE_PREFIX = "bench_"
_ON_REQUEST = ("peers",)
"""The suites that run only when they are named: they need packages of their own."""


class UnknownSuiteError(ValueError):
    """A name that no suite has."""

    def __init__(self, name: str) -> None:
        known = suite_names()
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        super().__init__(f"no suite {name!r}{hint}; there are: {', '.join(known)}")


class UnknownWorkloadError(ValueError):
    """A part of a name that no workload has."""

    def __init__(self, part: str, known: Sequence[str]) -> None:
        super().__init__(f"no workload has {part!r} in its name; there are: {', '.join(known)}")


class OtherConditionsError(ValueError):
    """A run cannot be gone on with, since something is not as it was."""


def suite_names() -> list[str]:
    """Return the names of all suites."""
    return sorted(path.stem.removeprefix(_SUITE_PREFIX) for path in _SUITES.glob("bench_*.py"))


def workload_names(suites: Sequence[str]) -> list[str]:
    """Return the names of what suites measure."""
    marks = [
        mark
        for suite in suites
        for function in vars(import_module(f"perdure_bench.suites.{_SUITE_PREFIX}{suite}")).values()
        for mark in getattr(function, "pytestmark", ())
        if mark.name == MARK
    ]
    return [workload.name for mark in marks for workload in mark.args[0]]


def default_suites() -> list[str]:
    """Return the names of the suites that run when none is named."""
    return [name for name in suite_names() if name not in _ON_REQUEST]


def machine() -> dict[str, str]:
    """Return on what is measured, in words."""
    return {
        "processors": f"{os.cpu_count()}, {_processor()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "perdure": version("perdure"),
        "grpcio": _version("grpcio"),
    }


def measure(
    asked: Asked,
    path: Path,
    *,
    tell: Callable[[str], None],
    addresses: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Measure all that is asked, and keep it in a folder; what is in it already is left out.

    Args:
        asked: What to measure.
        path: The folder.
        tell: Takes words on how far it is.
        addresses: Of the backends that are the user's own, by name.

    Returns:
        How many cells gave nothing.

    Raises:
        UnknownSuiteError: A suite's name is wrong.
        UnknownWorkloadError: No workload has what is asked for in its name.
        OtherConditionsError: The folder has a run of another machine, other versions, or other
            options.
        KeyboardInterrupt: It was interrupted; the folder has what was measured so far.
    """
    for name in asked.suites:
        if name not in suite_names():
            raise UnknownSuiteError(name)
    _check_only(asked)
    folder = RunFolder(path)
    run = _begun(asked, folder)
    with tempfile.TemporaryDirectory(prefix="perdure-bench-") as work:
        session = Session(
            asked=asked,
            run=run,
            folder=folder,
            work=Path(work),
            tell=tell,
            addresses=addresses,
        )
        try:
            with _told_to_end_as_interrupted():
                return _pytest(session)
        finally:
            session.close()


def _check_only(asked: Asked) -> None:
    known = workload_names(asked.suites) if asked.only else []
    for part in asked.only:
        if not any(part in name for name in known):
            raise UnknownWorkloadError(part, known)


def _begun(asked: Asked, folder: RunFolder) -> Run:
    now = Run(asked={**asdict(asked)}, machine=machine())
    if not (folder.path / "run.json").exists():
        folder.begin(now)
        return now
    folder.mend()
    before = folder.read()
    is_now = {**now.asked, **_as_lists(now.asked)}
    _refuse_others("machine", before.machine, now.machine, path=folder.path)
    # Suites may be measured one after the other: they share conditions, and no figures.
    suites = sorted({*before.asked["suites"], *is_now.pop("suites")})
    _refuse_others("options", {"only": [], **before.asked}, is_now, path=folder.path)
    return replace(before, asked={**before.asked, "suites": suites})


def _refuse_others(
    what: str, was: Mapping[str, object], is_now: Mapping[str, object], *, path: Path
) -> None:
    for name, value in is_now.items():
        if was.get(name) != value:
            raise OtherConditionsError(
                f"{path}: the {what} differ, {name}: {was.get(name)!r} then, {value!r} now; "
                "measure into another folder"
            )


def _as_lists(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(value) for key, value in asked.items() if isinstance(value, tuple)}


def _pytest(session: Session) -> int:
    # pytest's own settings are those of no project: what is measured is the same wherever one is.
    import pytest

    from perdure_bench.plugin import BenchPlugin

    plugin = BenchPlugin(session)
    files = [str(_SUITES / f"{_SUITE_PREFIX}{name}.py") for name in session.asked.suites]
    arguments = [
        *files,
        f"--rootdir={_SUITES}",
        "-c",
        os.devnull,
        "-q",
        "-s",
        "--no-header",
        "--import-mode=importlib",
        "-p",
        "no:cacheprovider",
        "-p",
        "pytest_benchmark.plugin",
        "-o",
        "python_files=bench_*.py",
        "-o",
        "python_functions=bench_*",
        "--benchmark-columns=median",
        f"--benchmark-json={session.folder.free_raw_file()}",
    ]
    with _without_plugins(), contextlib.redirect_stdout(io.StringIO()) as written:
        code = pytest.main(arguments, plugins=[plugin])
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        if code == pytest.ExitCode.NO_TESTS_COLLECTED:
            return 0
        sys.stderr.write(written.getvalue())
        raise RuntimeError(f"pytest ended with {code!r}")
    return plugin.failed


@contextlib.contextmanager
def _told_to_end_as_interrupted() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C, so that what is there is kept and all servers end."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _without_plugins() -> Iterator[None]:
    """Keep out what is installed for other tests, and that this may be a test's own process."""
    ours = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_XDIST_WORKER": None}
    before = {name: os.environ.get(name) for name in ours}
    _set_variables(ours)
    try:
        yield
    finally:
        _set_variables(before)


def _set_variables(wanted: Mapping[str, str | None]) -> None:
    for name, value in wanted.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError

    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
