"""The scripted model in a process of its own, which can be killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from perdure.errors import ConfigurationError
from perdure.testing.scripted_model.extra import require_extra
from perdure.testing.scripted_model.log import RequestRecord, read_log
from perdure.testing.scripted_model.transcript import load_transcript

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from perdure.testing.scripted_model.transcript import Transcript, TranscriptLike

_MODULE: Final = "perdure.testing.scripted_model"
_END_SECONDS: Final = 10.0


class ScriptedModelProcess:
    """A scripted model in a process, between ``async with`` and its end. See the function below.

    Attributes:
        url: The base URL for an OpenAI client, with ``/v1``; the same after :meth:`restart`.
    """

    url: str

    def __init__(
        self, transcript: TranscriptLike, *, log: Path | str, state: Path | str | None, port: int
    ) -> None:
        self._transcript = load_transcript(transcript)
        self._log = Path(log)
        self._state = None if state is None else Path(state)
        self._port = port
        self._process: subprocess.Popen[str] | None = None

    async def __aenter__(self) -> Self:
        """Start it, and wait until it listens.

        Raises:
            ConfigurationError: It did not start; the message has what it said.
        """
        require_extra()
        await asyncio.to_thread(self._start)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.terminate()
            await asyncio.to_thread(self._end)

    @property
    def pid(self) -> int:
        """The process's id."""
        if self._process is None:
            raise ProcessLookupError("the scripted model does not run; restart() starts it")
        return self._process.pid

    def requests(self) -> list[RequestRecord]:
        """Return the requests that the log has, in the order in which they came."""
        return read_log(self._log)

    def kill(self) -> None:
        """Kill it with SIGKILL. Does nothing if it does not run."""
        if self._process is not None:
            self._process.kill()
            self._end()

    async def restart(self) -> None:
        """Start it on the same port with the same files, killing it first if it runs.

        Raises:
            ConfigurationError: It did not start.
        """
        await asyncio.to_thread(self.kill)
        await asyncio.to_thread(self._start)

    def _start(self) -> None:
        # It must find perdure where this process does.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        # A file without a name leaves nothing behind when this process is killed.
        with tempfile.TemporaryFile("w+", encoding="utf-8") as complaints:
            self._process = subprocess.Popen(
                self._command(),
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
                encoding="utf-8",
            )
            banner = _handshake(self._process, self._transcript)
            if not banner:
                self._end()
                complaints.seek(0)
                problem = f"did not start: {complaints.read().strip()}"
                raise ConfigurationError(setting="scripted model", problem=problem)
        self.url = next(word for word in banner.split() if word.startswith("http://"))
        self._port = urlsplit(self.url).port or 0

    def _command(self) -> list[str]:
        files = ["--log", str(self._log)]
        if self._state is not None:
            files += ["--state", str(self._state)]
        follow = ["--port", str(self._port), "--parent", str(os.getpid())]
        return [sys.executable, "-P", "-m", _MODULE, "-", *files, *follow]

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def scripted_model_process(
    transcript: TranscriptLike,
    *,
    log: Path | str,
    state: Path | str | None = None,
    port: int = 0,
) -> ScriptedModelProcess:
    """Return a scripted model that runs in a process of its own within ``async with``.

    It ends with this process, however that ends.

    Args:
        transcript: Rules, a :class:`Transcript`, or the path of a JSON file.
        log: The file of the log; one that is there already is continued.
        state: The file in which faults that happened and stored conversations outlive a restart.
        port: 0 is a free one.

    Raises:
        ConfigurationError: The transcript is not sound.
    """
    return ScriptedModelProcess(transcript, log=log, state=state, port=port)


def _handshake(process: subprocess.Popen[str], transcript: Transcript) -> str:
    """Give a process its transcript, and return the line that it says when it listens."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError), process.stdin:
        process.stdin.write(transcript.to_json())
    return process.stdout.readline()
