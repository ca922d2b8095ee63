"""Targets and worker processes: how the kit reaches a backend, and what it says when it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from perdure import plugins
from perdure.clock import SystemClock
from perdure.embedded.backend import EmbeddedBackend
from perdure.embedded.location import parse_location
from perdure.errors import ConfigurationError, PluginError
from perdure.testing import BackendHub, BackendTarget, CrashPoint, contract
from perdure.testing.contract import recovery
from perdure.testing.report import run_conformance
from perdure.testing.target import EmbeddedTarget, make_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from perdure.clock import Clock

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[BackendTarget]:
    target = make_target("sqlite", folder=tmp_path)
    yield target
    target.close()


def test_the_target_of_a_bare_name_is_a_fresh_hub_in_the_folder(target: BackendTarget) -> None:
    assert isinstance(target, EmbeddedTarget)
    assert (target.name, target.has_manual_clock) == ("sqlite", True)
    assert str(target.folder) in target.url


def test_the_target_of_a_url_is_that_url_in_real_time(tmp_path: Path) -> None:
    target = make_target("sqlite:///x.db?max_cached=1", folder=tmp_path)
    assert (target.name, target.has_manual_clock) == ("sqlite", False)
    assert target.environment()["PERDURE_BACKEND"] == "sqlite:///x.db?max_cached=1"


def test_a_backend_that_is_not_installed_is_made_by_its_factory(tmp_path: Path) -> None:
    factory = "tests.conformance.broken:Sound"
    url = f"sqlite:///{tmp_path / 'x.db'}"
    target = make_target(url, folder=tmp_path, factory=factory)
    with BackendHub(target, contract.Lifecycle.registry) as hub:
        assert isinstance(hub.client, object)
        assert isinstance(hub._made, EmbeddedBackend)
        assert type(hub._made).__name__ == "Sound"


@pytest.mark.parametrize("factory", ["no_colon", "tests.conformance.broken:", ":x"])
def test_a_factory_that_cannot_be_read_is_named(tmp_path: Path, factory: str) -> None:
    target = BackendTarget("x://", folder=tmp_path, factory=factory)
    with (
        pytest.raises(ConfigurationError, match="module:attribute"),
        BackendHub(target, contract.Lifecycle.registry),
    ):
        pass


class _WithoutSettle(EmbeddedBackend):
    settle = property()  # as if it were not there


def make_without_settle(url: str, *, clock: Clock | None = None) -> EmbeddedBackend:
    return _WithoutSettle(parse_location(url), clock=clock or SystemClock())


def test_a_manual_clock_without_settling_is_named(tmp_path: Path) -> None:
    target = BackendTarget(
        f"sqlite:///{tmp_path / 'x.db'}",
        folder=tmp_path,
        factory=f"{__name__}:make_without_settle",
        has_manual_clock=True,
    )
    with (
        BackendHub(target, contract.Lifecycle.registry) as hub,
        pytest.raises(ConfigurationError, match=r"no settle\(\)"),
    ):
        hub.settle()


def test_a_suite_without_a_target_says_what_to_do(tmp_path: Path) -> None:
    suite = tmp_path / "test_suite.py"
    suite.write_text(
        "from perdure.testing import contract\nclass TestHeaders(contract.Headers): ...\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "perdure.testing.plugin"]
    command += ["-c", os.devnull, "-p", "no:cacheprovider", str(suite)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "override the fixture backend_target" in done.stdout


def test_a_backend_that_nobody_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(plugins._KNOWN, "far", "perdure-far")
    target = make_target("far", folder=tmp_path)
    with (
        pytest.raises(PluginError, match="pip install perdure-far"),
        BackendHub(target, contract.Lifecycle.registry),
    ):
        pass


def test_a_worker_process_is_ready_when_it_is_returned_and_drains_when_told_to(
    target: BackendTarget,
) -> None:
    worker = target.start_worker(recovery.WORKER)
    assert not worker.has_ended
    assert "is ready on sqlite" in worker.read_log()
    worker.stop()
    assert (worker.has_ended, worker.was_killed) == (True, False)
    assert "has stopped" in worker.read_log()


def test_closing_a_target_kills_the_workers_that_are_left(target: BackendTarget) -> None:
    worker = target.start_worker(recovery.WORKER)
    target.close()
    target.close()
    assert worker.was_killed


def test_a_worker_process_that_cannot_begin_shows_its_log(target: BackendTarget) -> None:
    with pytest.raises(TimeoutError, match="has no 'nothing'"):
        target.start_worker("perdure.testing.contract.recovery:nothing")


@pytest.mark.parametrize("place", ["step-begun", "step-ended", "activity-begun", "activity-ended"])
def test_every_crash_point_of_the_kit_can_be_reached(target: BackendTarget, place: str) -> None:
    with BackendHub(target, recovery.registry, is_in_real_time=True) as hub:
        hub.start(recovery.chain, str(hub.record), "n")
        point = CrashPoint(place=place, count=2)
        worker = hub.start_worker(recovery.WORKER, environment=point.environment)
        worker.wait(target.patience)
        assert worker.was_killed
        # The second activity has left its mark unless it was handed over only.
        expected = {"activity-begun": ["n/0"], "activity-ended": ["n/0", "n/1"]}
        assert hub.record.labels() == expected.get(place, hub.record.labels())


def test_a_record_does_not_count_a_line_that_was_cut_off(target: BackendTarget) -> None:
    with BackendHub(target, recovery.registry) as hub:
        hub.run_worker()
        hub.result(hub.start(recovery.chain, str(hub.record), "n"))
        written = hub.record.labels()
        with hub.record.path.open("a", encoding="utf-8") as file:
            file.write('{"label": "n/9", "key"')
        assert hub.record.labels() == written
        assert hub.record.entries()[0].pid == os.getpid()


def test_one_call_holds_a_backend_to_contracts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    report = tmp_path / "report.md"
    code = run_conformance("sqlite", report=report, only=["Headers", "Purge"], arguments=["-q"])
    assert code == 0
    text = report.read_text(encoding="utf-8")
    assert "| Headers | base set | kept (1) |" in text
    assert "| Events | base set | not run |" in text


def test_an_unknown_backend_fails_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_conformance("nobody", only=["Headers"], arguments=["-q"]) == 1
