"""``perdure worker`` and ``perdure dev``: which app they run, and how they end."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.cli.command_line import FLOWS, CommandLine, interrupted, pauses, read_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

# Each test runs several processes.
pytestmark = pytest.mark.timeout(90)

_TWO_APPS = "import perdure\none = perdure.App('one')\ntwo = perdure.App('two')\n"
_HELLO = """
import perdure

app = perdure.App("hello")


@app.workflow
async def hello() -> str:
    return {!r}
"""


def _written(command: CommandLine, name: str, text: str) -> None:
    (command.folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_drains_at_a_signal(alone: CommandLine, number: int) -> None:
    process = alone.begin("worker", str(FLOWS), "--drain", "2s")
    read_until(process, "is ready")
    done = interrupted(process, number)
    assert (done.code, done.out) == (0, "")
    assert "has stopped" in done.err


def test_a_worker_takes_the_backend_of_the_command_line(alone: CommandLine) -> None:
    text = _HELLO.format("there").replace('"hello")', '"hello", backend="sqlite:///elsewhere.db")')
    _written(alone, "hello.py", text)
    process = alone.begin("worker", "hello:app", "-b", "sqlite:///here.db")
    read_until(process, "is ready")
    assert alone.ok("start", "hello", "-w", "-b", "sqlite:///here.db").json() == "there"
    assert interrupted(process, signal.SIGTERM).code == 0
    assert not (alone.folder / "elsewhere.db").exists()


@pytest.mark.parametrize(
    ("target", "text", "hint"),
    [
        ("m", _TWO_APPS, "m:one"),
        ("m:three", _TWO_APPS, "one, two"),
        ("m", "x = 1", "no App or Registry"),
        ("m.py:x", "x = 1", "'x'"),
    ],
)
def test_a_module_without_one_app_is_a_wrong_command_line(
    alone: CommandLine, target: str, text: str, hint: str
) -> None:
    _written(alone, "m.py", text)
    done = alone("worker", target)
    assert done.code == 2
    assert hint in done.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def broken(:", "SyntaxError"),
        ("x = 1 / 0", "m.py:1"),
        ("import no_such_package", "no_such_package"),
        ("raise SystemExit(0)", "SystemExit"),
    ],
)
def test_a_module_that_breaks_is_told_with_its_place(
    alone: CommandLine, text: str, words: str
) -> None:
    _written(alone, "m.py", text)
    done = alone("worker", "m")
    assert done.code == 1
    assert words in done.err
    assert "Traceback" not in done.err
    assert "Traceback" in alone("worker", "m", "--debug").err


class TestDev:
    """A worker that is started anew when its code changes."""

    @pytest.fixture
    def dev(self, alone: CommandLine) -> Iterator[subprocess.Popen[str]]:
        _written(alone, "hello.py", _HELLO.format("one"))
        process = alone.begin("dev", "hello")
        read_until(process, "is ready")
        yield process
        if process.poll() is None:
            interrupted(process)

    def test_a_change_is_taken_up(self, alone: CommandLine, dev: subprocess.Popen[str]) -> None:
        assert alone.ok("start", "hello", "--wait").json() == "one"
        _written(alone, "hello.py", _HELLO.format("another"))
        assert "hello.py changed" in read_until(dev, "is ready")
        assert alone.ok("start", "hello", "--wait").json() == "another"
        assert interrupted(dev).code == 0

    def test_broken_code_waits_for_a_better_version(
        self, alone: CommandLine, dev: subprocess.Popen[str]
    ) -> None:
        _written(alone, "hello.py", "def broken(:")
        assert "SyntaxError" in read_until(dev, "waiting for a change")
        _written(alone, "hello.py", _HELLO.format("mended"))
        read_until(dev, "is ready")
        assert alone.ok("start", "hello", "--wait").json() == "mended"

    def test_another_backend_is_refused(self, alone: CommandLine) -> None:
        done = alone("dev", "hello", "-b", "azure")
        assert done.code == 2
        assert "perdure worker" in done.err

    def test_no_worker_is_left_behind(self, alone: CommandLine, dev: subprocess.Popen[str]) -> None:
        interrupted(dev, signal.SIGTERM)
        alone.ok("start", "hello", "--id", "a")
        for _ in pauses(1.0):
            pass
        assert alone.ok("show", "a", "-o", "json").json()["status"] == "pending"
