"""What may import what, and how large things may grow.

Each rule is data; an exception is an entry with its reason.
"""

from __future__ import annotations

import ast
import sys

import pytest

from tests.sources import Source, all_sources, core_sources

MAX_LINES_OF_A_FILE = 400
MAX_LINES_OF_A_FUNCTION = 60

# The modules at the bottom; all may import them, and they import only each other.
BASE = frozenset(
    {"errors", "types", "names", "clock", "state_folder", "_checks", "_filesystem", "_version"}
)

# Which areas below it an area may import. What is not named here is the API.
MAY_IMPORT = {
    "base": frozenset[str](),
    "spi": frozenset({"base"}),
    "payloads": frozenset({"base", "spi"}),
    "_replay": frozenset({"base", "spi"}),
    "_runner": frozenset({"base", "spi", "payloads"}),
    "embedded": frozenset({"base", "spi", "_runner"}),
    "api": frozenset({"base", "spi", "payloads", "_replay", "_runner", "embedded"}),
    "testing": frozenset({"base", "spi", "payloads", "_replay", "_runner", "embedded", "api"}),
    "stack": frozenset({"base"}),
    "cli": frozenset({"base", "spi", "payloads", "api", "stack", "testing"}),
    "__main__": frozenset({"cli"}),
    # perdure/__init__.py names everything, and imports it when it is asked for.
    "surface": frozenset({"api", "base", "payloads", "spi", "testing"}),
}

# What an area may need beyond the project's own dependencies, for people who have it.
EXTRAS = {
    "cli": {"rich", "typer"},
    "payloads": {"cryptography", "fsspec", "zstandard"},
    "spi": {"grpc"},  # one file of spi.remote, for plugins that speak it
    "testing": {"pytest", "starlette", "uvicorn"},
}

# Replay is sans-I/O: what it may not import, and the one file that may, since it exists to do so.
FORBIDDEN_IN_REPLAY = {
    "concurrent": set[str](),
    "multiprocessing": set[str](),
    "os": set[str](),
    "queue": set[str](),
    "random": {"draws.py"},  # random.Random, seeded from the run
    "secrets": set[str](),
    "socket": set[str](),
    "sqlite3": set[str](),
    "subprocess": set[str](),
    "threading": {"guards.py"},  # to forbid threads
    "time": {"guards.py"},  # to forbid time.sleep
    "uuid": {"draws.py"},  # uuid.UUID, made of the run's random numbers
}
ASYNCIO_IN_REPLAY = {
    "calls.py",
    "current.py",
    "event_buffer.py",
    "executor.py",
    "futures.py",
    "gathering.py",
    "guards.py",
    "loop.py",
    "outcomes.py",
    "primitives.py",
    "stdlib.py",
    "teardown.py",
}

# The one file that reads the system clock, and what a clock is asked by.
CLOCK = "src/perdure/clock.py"
CLOCK_READERS = {"datetime.now", "datetime.utcnow", "date.today", "time.time", "time.time_ns"}


def listed(faults: list[str]) -> str:
    """Return all faults, a line each, since pytest shortens a list."""
    return "\n" + "\n".join(faults)


def _area(module: str) -> str:
    if "." not in module:
        return "surface"
    part = module.split(".")[1]
    if part in BASE:
        return "base"
    return part if part in MAY_IMPORT else "api"


def _upward_imports(source: Source) -> list[str]:
    own = _area(source.module)
    return [
        f"{source.name}:{line} ({own}) imports {name} ({_area(name)})"
        for name, line in source.imports()
        if name.startswith("perdure.") and _area(name) not in MAY_IMPORT[own] | {own}
    ]


def test_every_import_points_down_the_layers() -> None:
    faults = [fault for source in core_sources() for fault in _upward_imports(source)]
    assert not faults, listed(faults)


def test_the_check_of_layers_can_find_a_fault() -> None:
    replay = next(source for source in core_sources() if source.module == "perdure._replay.loop")
    tree = ast.parse("from perdure.embedded import store\nimport perdure.app")
    broken = Source(path=replay.path, lines=2, tree=tree)
    assert [fault.partition(" imports ")[2] for fault in _upward_imports(broken)] == [
        "perdure.embedded.store (embedded)",
        "perdure.app (api)",
    ]


def test_replay_imports_nothing_that_reaches_outside() -> None:
    faults = [
        f"{source.name}:{line} imports {name}"
        for source in core_sources()
        if source.module.startswith("perdure._replay")
        for name, line in source.imports()
        if source.path.name not in FORBIDDEN_IN_REPLAY.get(name.split(".")[0], {source.path.name})
    ]
    assert not faults, listed(faults)


def test_asyncio_is_used_only_where_replay_adapts_it() -> None:
    users = {
        source.path.name
        for source in core_sources()
        if source.module.startswith("perdure._replay")
        and any(name.split(".")[0] == "asyncio" for name, _ in source.imports())
    }
    assert users <= ASYNCIO_IN_REPLAY


def test_only_the_clock_reads_the_system_clock() -> None:
    faults = [
        f"{source.name}:{node.lineno} calls {ast.unparse(node.func)}"
        for source in core_sources()
        if source.name != CLOCK
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in CLOCK_READERS
    ]
    assert not faults, listed(faults)


def test_the_core_imports_no_plugin() -> None:
    faults = [
        f"{source.name}:{line} imports {name}"
        for source in core_sources()
        for name, line in source.imports()
        if name.startswith("perdure_")
    ]
    assert not faults, listed(faults)


def test_the_core_needs_only_what_the_project_declares() -> None:
    declared = {"perdure", "pluggy", "pydantic", "pydantic_core", "typing_extensions"}
    faults = [
        f"{source.name}:{line} imports {name}"
        for source in core_sources()
        for name, line in source.imports()
        if name.split(".")[0] not in declared | set(sys.stdlib_module_names)
        and name.split(".")[0] not in EXTRAS.get(_area(source.module), set())
    ]
    assert not faults, listed(faults)


def test_no_import_is_relative_to_a_parent() -> None:
    faults = [
        f"{source.name}:{node.lineno}"
        for source in all_sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom) and node.level > 1
    ]
    assert not faults, listed(faults)


@pytest.mark.parametrize("name", ["utils.py", "helpers.py", "common.py", "misc.py"])
def test_no_file_is_a_drawer_for_everything(name: str) -> None:
    faults = [source.name for source in all_sources() if source.path.name.lstrip("_") == name]
    assert not faults, listed(faults)


def test_no_file_is_too_long() -> None:
    faults = [f"{s.name}: {s.lines}" for s in all_sources() if s.lines > MAX_LINES_OF_A_FILE]
    assert not faults, listed(faults)


def test_no_function_is_too_long() -> None:
    faults = [
        f"{source.name}:{node.lineno} {node.name}"
        for source in all_sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= MAX_LINES_OF_A_FUNCTION
    ]
    assert not faults, listed(faults)
