"""The public surface: complete, sorted, fetched when used, and quick to import."""

from __future__ import annotations

import ast
import importlib
import inspect
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import perdure
from perdure import errors

SOURCE = Path(perdure.__file__)
LIMIT_SECONDS = 0.150
USED_BY_ALL = "perdure.App; perdure.Client; perdure.now; perdure.wait_for_event"


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout


def names_for_type_checkers() -> set[str]:
    """Return what ``__init__`` imports under TYPE_CHECKING, from modules of perdure's own."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports if node.module != "perdure" for alias in node.names}


def test_all_is_sorted_and_without_repeats() -> None:
    assert perdure.__all__ == sorted(set(perdure.__all__))


def test_type_checkers_see_the_same_names() -> None:
    assert names_for_type_checkers() | {"__version__"} == set(perdure.__all__)


@pytest.mark.parametrize("name", perdure.__all__)
def test_every_name_can_be_fetched(name: str) -> None:
    assert getattr(perdure, name) is not None
    assert name in dir(perdure)


def test_every_error_of_the_tree_is_exported() -> None:
    classes = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, BaseException)
    }

    assert classes - {"CarriesFailure"} <= set(perdure.__all__)


@pytest.mark.parametrize("name", ["errors", "spi", "testing"])
def test_packages_are_there_without_an_import_of_their_own(name: str) -> None:
    code = f"import perdure; print(perdure.{name}.__name__)"

    assert run_python(code).strip() == f"perdure.{name}"


def test_no_module_hides_an_exported_name() -> None:
    modules = {path.stem for path in SOURCE.parent.iterdir()}

    assert not modules & set(perdure.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'perdure' has no attribute 'orchestrator'"):
        importlib.import_module("perdure").__getattr__("orchestrator")
    assert not hasattr(perdure, "orchestrator")


def test_star_import_brings_all() -> None:
    code = "from perdure import *; import perdure; assert set(perdure.__all__) <= set(globals())"

    assert run_python(code) == ""


@pytest.mark.parametrize("code", ["import perdure", f"import perdure; {USED_BY_ALL}"])
def test_import_brings_no_pydantic_no_database_and_no_backend(code: str) -> None:
    loaded = run_python(f"import sys; {code}; print(*sys.modules)").split()

    assert not {"pydantic", "sqlite3", "perdure.embedded", "grpc", "dapr"} & set(loaded)


@pytest.mark.serial
def test_import_takes_less_than_the_limit() -> None:
    taken = best_of_five("import perdure") - best_of_five("pass")

    assert taken < LIMIT_SECONDS


def best_of_five(code: str) -> float:
    """Return the processor time of ``code`` in a fresh process: neighbours do not count."""
    return min(processor_seconds(code) for _ in range(5))


def processor_seconds(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run_python(code)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
