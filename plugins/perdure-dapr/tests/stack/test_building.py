"""Building Dapr's programs: once per user, by one process at a time, and not without Go."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from perdure.stack import StackError
from perdure_dapr.stack.build import Builder
from perdure_dapr.stack.programs import needed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeGo = Callable[..., dict[str, str]]

NAMES = needed(has_mtls=False)

# Answers as Go does to what the builder asks, and writes down what it was asked to build.
GO = """\
#!/bin/sh
case "$1" in
env) echo go{version} ;;
list) echo {sources} ;;
build)
    for word; do case "$previous" in -o) output=$word ;; esac; previous=$word; done
    echo "$(basename $output) $GOTOOLCHAIN $CGO_ENABLED $GOFLAGS" >> {diary}
    grep -q 127.0.0.1 dapr/pkg/healthz/server/server.go || exit 9
    tag="allcomponents || conversation_openai"
    grep -q "$tag" dapr/cmd/daprd/components/conversation_openai.go || exit 7
    grep -q "replace github.com/dapr/dapr => ./dapr" go.mod || exit 8
    {build}
    echo built > $output; chmod +x $output ;;
esac
"""


@pytest.fixture
def make_go(tmp_path: Path) -> MakeGo:
    """Return a machine with a Go of some version, and what it does on the way to a program."""
    server = tmp_path / "sources" / "pkg" / "healthz" / "server" / "server.go"
    server.parent.mkdir(parents=True)
    server.write_text('ln, err := net.Listen("tcp", fmt.Sprintf(":%d", s.port))\n')
    components = tmp_path / "sources" / "cmd" / "daprd" / "components"
    components.mkdir(parents=True)
    for name in ("openai", "ollama"):
        (components / f"conversation_{name}.go").write_text("//go:build allcomponents\n")

    def make(version: str = "1.99.0", build: str = "") -> dict[str, str]:
        go = tmp_path / "bin" / "go"
        go.parent.mkdir(exist_ok=True)
        script = GO.format(
            version=version, sources=tmp_path / "sources", diary=tmp_path / "diary", build=build
        )
        go.write_text(script)
        go.chmod(0o755)
        path = os.pathsep.join([str(go.parent), "/usr/bin", "/bin"])
        return {"PATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}

    return make


def built(tmp_path: Path) -> list[str]:
    return [line.split()[0] for line in (tmp_path / "diary").read_text().splitlines()]


def test_each_program_is_built_once(make_go: MakeGo, tmp_path: Path) -> None:
    said: list[str] = []
    builder = Builder(environment=make_go(), tell=said.append)

    first = builder.build(NAMES)
    again = builder.build(NAMES)

    assert first == again
    assert built(tmp_path) == list(NAMES)
    assert sorted(path.name for path in first.folder.iterdir()) == sorted([*NAMES, "lock"])
    assert said[0].startswith(f"building Dapr {builder.version} (placement, scheduler, daprd) into")
    assert said[-1].startswith(f"Dapr {builder.version} is built")


def test_sentry_is_built_only_when_it_is_asked_for(make_go: MakeGo, tmp_path: Path) -> None:
    builder = Builder(environment=make_go(), tell=print)
    builder.build(NAMES)
    builder.build(needed(has_mtls=True))
    assert built(tmp_path) == [*NAMES, "sentry"]


def test_go_fetches_no_other_go_and_changes_no_module(make_go: MakeGo, tmp_path: Path) -> None:
    Builder(environment={**make_go(), "GOFLAGS": "-mod=vendor"}, tell=print).build(NAMES)
    words = (tmp_path / "diary").read_text().splitlines()[0].split()
    assert words == ["placement", "local", "0", "-mod=readonly", "-buildvcs=false"]


def test_a_build_goes_on_where_it_was_interrupted(make_go: MakeGo, tmp_path: Path) -> None:
    fails = 'case "$output" in */scheduler) echo "no space left" >&2; exit 1 ;; esac'
    builder = Builder(environment=make_go(build=fails), tell=print)
    with pytest.raises(StackError) as caught:
        builder.build(NAMES)
    assert "building scheduler (2 of 3) failed" in str(caught.value)
    assert str(caught.value).endswith("no space left")

    Builder(environment=make_go(), tell=print).build(NAMES)

    assert built(tmp_path) == ["placement", "scheduler", "scheduler", "daprd"]


def test_what_a_killed_build_left_is_removed(make_go: MakeGo) -> None:
    builder = Builder(environment=make_go(), tell=print)
    leftover = builder.folder / "building-abc" / "dapr"
    leftover.mkdir(parents=True)
    builder.build(NAMES)
    assert not leftover.parent.exists()


def test_two_at_once_build_once(make_go: MakeGo, tmp_path: Path) -> None:
    said: list[str] = []
    environment = make_go(build="sleep 0.3")
    threads = [
        threading.Thread(
            target=lambda: Builder(environment=environment, tell=said.append).build(NAMES)
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built(tmp_path) == list(NAMES)
    assert "another process builds Dapr here; waiting for it" in said


def test_without_go_both_ways_out_are_told(tmp_path: Path) -> None:
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    with pytest.raises(StackError) as caught:
        Builder(environment=environment, tell=print).build(NAMES)
    message = str(caught.value)
    assert "Dapr's programs are not installed, and there is no Go to build them" in message
    assert "`dapr init --slim`" in message
    assert "PERDURE_DAPR_BIN" in message
    assert "install Go 1.26.4 or newer" in message


def test_a_go_that_is_too_old_is_told(make_go: MakeGo) -> None:
    with pytest.raises(StackError, match=r"is Go 1\.22\.3, too old to build Dapr .* Go 1\.26\.4"):
        Builder(environment=make_go("1.22.3"), tell=print).build(NAMES)


@pytest.mark.parametrize(
    "file",
    ["pkg/healthz/server/server.go", "cmd/daprd/components/conversation_ollama.go"],
)
def test_sources_that_are_not_as_expected_are_not_built(
    make_go: MakeGo, tmp_path: Path, file: str
) -> None:
    changed = tmp_path / "sources" / file
    changed.write_text("listen(anywhere)\n")
    with pytest.raises(StackError, match=f"{changed.name} of Dapr .* is not as expected"):
        Builder(environment=make_go(), tell=print).build(NAMES)


def test_the_cache_is_the_users_and_of_one_way_of_building(tmp_path: Path) -> None:
    home = Builder(environment={"HOME": str(tmp_path)}, tell=print).folder
    cache = Builder(environment={"XDG_CACHE_HOME": str(tmp_path / "c")}, tell=print).folder
    assert home.parent == tmp_path / ".cache" / "perdure" / "dapr"
    assert cache.parent == tmp_path / "c" / "perdure" / "dapr"
    assert home.name == cache.name
    assert home.name.startswith("1.18.1-")


def test_a_long_build_says_that_it_goes_on(
    make_go: MakeGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.stack.go_tool._TELL_SECONDS", 0.2)
    said: list[str] = []
    Builder(environment=make_go(build="sleep 0.6"), tell=said.append).build(("placement",))
    assert any(words.startswith("building placement (1 of 1), 0 s so far") for words in said)
