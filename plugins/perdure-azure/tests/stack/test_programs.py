"""Finding the stand-in's program, and building it: once per user, and not without Go."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from perdure.stack import StackError
from perdure_azure.stack.build import builder
from perdure_azure.stack.programs import find_program

GO_MOD = """\
module example/stand-in

go 1.26.4

require github.com/microsoft/durabletask-go v0.6.0
"""
# Go asks nobody for a module of which nothing is imported.
TINY_GO_MOD = GO_MOD.replace("go 1.26.4", "go 1.20")
MAIN = 'package main\n\nfunc main() { println("WORD") }\n'


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A machine without Go, and without the program."""
    return {"PATH": str(tmp_path / "empty"), "HOME": str(tmp_path / "home")}


def install(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("named", ["bin", "bin/dts-stand-in"])
def test_the_named_program_is_taken(
    tmp_path: Path, environment: dict[str, str], named: str
) -> None:
    program = install(tmp_path / "bin" / "dts-stand-in")
    environment["PERDURE_AZURE_BIN"] = str(tmp_path / named)
    found = find_program(environment=environment, tell=print)
    assert (found.path, found.origin) == (program, "PERDURE_AZURE_BIN")


def test_a_named_program_that_is_not_there_is_an_error(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    environment["PERDURE_AZURE_BIN"] = str(tmp_path / "nowhere")
    with pytest.raises(StackError, match=r"PERDURE_AZURE_BIN=.*no program at .*unset it"):
        find_program(environment=environment, tell=print)


def test_a_named_program_that_cannot_be_run_is_an_error(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    program = install(tmp_path / "bin" / "dts-stand-in")
    program.chmod(0o644)
    environment["PERDURE_AZURE_BIN"] = str(program)
    with pytest.raises(StackError, match="there is no program at"):
        find_program(environment=environment, tell=print)


def test_without_go_both_ways_out_are_told(environment: dict[str, str]) -> None:
    sources = {"go.mod": GO_MOD, "main.go": MAIN}
    with pytest.raises(StackError) as caught:
        builder(environment=environment, tell=print, sources=sources).build(["dts-stand-in"])
    message = str(caught.value)
    assert "the local stand-in for DTS, has to be built, and there is no Go" in message
    assert "PERDURE_AZURE_BIN" in message
    assert "install Go 1.26.4 or newer" in message


def test_each_state_of_the_sources_has_its_own_folder(environment: dict[str, str]) -> None:
    folders = {
        builder(
            environment=environment,
            tell=print,
            sources={"go.mod": GO_MOD, file: MAIN.replace("WORD", word)},
        ).folder
        for file, word in [("main.go", "a"), ("main.go", "b"), ("other.go", "a")]
    }
    assert len(folders) == 3
    assert {folder.name.rpartition("-")[0] for folder in folders} == {"0.6.0"}


@pytest.fixture
def with_go(tmp_path: Path) -> dict[str, str]:
    """This machine, with a cache of the user that is empty."""
    if shutil.which("go") is None:
        pytest.skip("there is no Go on PATH")
    # Go's own cache stays, so that its library is not compiled each time.
    go_cache = subprocess.run(["go", "env", "GOCACHE"], capture_output=True, text=True, check=True)
    return {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "GOCACHE": go_cache.stdout.strip()}


@pytest.mark.timeout(180)
def test_real_go_builds_what_the_sources_say_and_only_once(with_go: dict[str, str]) -> None:
    said: list[str] = []
    sources = {"go.mod": TINY_GO_MOD, "main.go": MAIN.replace("WORD", "here")}
    tiny = builder(environment=with_go, tell=said.append, sources=sources)

    folder = tiny.build(["dts-stand-in"])
    count = len(said)
    assert tiny.build(["dts-stand-in"]) == folder

    done = subprocess.run([folder / "dts-stand-in"], capture_output=True, text=True, check=True)
    assert done.stderr == "here\n"
    assert len(said) == count
    assert said[0].startswith("building dts-stand-in 0.6.0 (dts-stand-in) into")


@pytest.mark.timeout(180)
def test_what_go_says_of_broken_sources_is_quoted(with_go: dict[str, str]) -> None:
    sources = {"go.mod": TINY_GO_MOD, "main.go": "package main\n\nfunc main() { nothing() }\n"}
    with pytest.raises(StackError, match="undefined: nothing"):
        builder(environment=with_go, tell=print, sources=sources).build(["dts-stand-in"])
    cache = Path(with_go["XDG_CACHE_HOME"])
    assert not list(cache.glob("perdure/azure/*/building-*"))
