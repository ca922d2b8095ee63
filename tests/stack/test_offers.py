"""Stacks are found by name, only the one that is asked for, and what is wrong is told."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from perdure.errors import PluginError
from perdure.stack import Stack, StackError, installed_stacks, load_stack, offers
from tests.stack.plugin_folder import install

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed plugins: a good one, a broken one, and two of one name."""
    (tmp_path / "sample_stack.py").write_text("from tests.stack.fake_stack import FakeKind\n")
    install(tmp_path, "good", {"sample": "sample_stack:FakeKind"})
    install(tmp_path, "broken", {"broken": "sample_stack:missing"})
    install(tmp_path, "one", {"twin": "sample_stack:FakeKind"})
    install(tmp_path, "other", {"twin": "sample_stack:missing"})
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_stack_is_loaded_by_its_name_alone(samples: Path) -> None:
    assert load_stack("sample").name == "fake"
    assert {"broken", "sample", "twin"} <= set(installed_stacks())
    assert Stack("sample", samples / "sample").kind.name == "fake"


def test_an_unknown_stack_lists_what_there_is(samples: Path) -> None:
    with pytest.raises(StackError) as caught:
        load_stack("sampel")
    there = ", ".join(installed_stacks())
    assert str(caught.value) == (
        f"stack 'sampel': there is no such stack (did you mean 'sample'?); installed: {there}"
    )


def test_a_known_stack_that_is_missing_gives_the_install_line(
    samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(offers._KNOWN, "absent", "perdure-absent")
    with pytest.raises(PluginError, match="'absent': not installed; type: pip install perdure-abs"):
        load_stack("absent")


def test_one_that_cannot_be_loaded_says_which_and_why(samples: Path) -> None:
    with pytest.raises(PluginError, match=r"\(sample_stack:missing of broken\).*has no attribute"):
        load_stack("broken")


def test_two_of_one_name_are_refused(samples: Path) -> None:
    with pytest.raises(PluginError, match="several packages offer this stack: one, other"):
        load_stack("twin")


def test_importing_stacks_imports_no_plugin_and_little_else() -> None:
    heavy = ("rich", "pydantic", "sqlite3", "perdure_azure", "perdure_dapr", "typer")
    code = f"import sys, perdure.stack; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
