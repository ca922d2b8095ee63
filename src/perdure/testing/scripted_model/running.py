"""The scripted model in this process, on a thread of its own."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from perdure.testing.scripted_model.extra import require_extra
from perdure.testing.scripted_model.log import RequestLog, RequestRecord, read_log
from perdure.testing.scripted_model.state import ServerState
from perdure.testing.scripted_model.transcript import load_transcript

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from perdure.testing.scripted_model.loopback import LoopbackServer
    from perdure.testing.scripted_model.transcript import Transcript, TranscriptLike


class ScriptedModel:
    """A scripted model, between ``async with`` and its end.

    Attributes:
        url: The base URL for an OpenAI client, with ``/v1``.
    """

    url: str

    def __init__(
        self,
        transcript: TranscriptLike,
        *,
        log: Path | str | None = None,
        state: Path | str | None = None,
        port: int = 0,
    ) -> None:
        """Take the transcript; nothing listens yet.

        Args:
            transcript: Rules, a :class:`Transcript`, or the path of a JSON file.
            log: The file of the log; one that is there already is continued.
            state: The file in which faults that happened and stored conversations outlive it.
            port: 0 is a free one.

        Raises:
            ConfigurationError: The transcript is not sound.
        """
        self._transcript = load_transcript(transcript)
        self._log_path = None if log is None else Path(log)
        self._state_path = None if state is None else Path(state)
        self._port = port
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._records: list[RequestRecord] = []

    async def __aenter__(self) -> Self:
        """Start it.

        Raises:
            ConfigurationError: A file cannot be written, the port is taken, or the extra
                ``scripted-model`` is not installed.
        """
        require_extra()
        from perdure.testing.scripted_model.loopback import bind, url_of

        if self._log_path is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="scripted-model-")
        self._log = RequestLog(self._log_file)
        self._state = ServerState(self._state_path)
        listening = bind(self._port)
        self.url = url_of(listening)
        ready = threading.Event()
        self._server = build_server(
            self._transcript, log=self._log, state=self._state, when_ready=ready.set
        )
        self._thread = threading.Thread(
            target=_serve, args=(self._server, listening), name="scripted-model", daemon=True
        )
        self._thread.start()
        await asyncio.to_thread(ready.wait)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it, closing the connections that are open."""
        self._server.should_exit = True
        await asyncio.to_thread(self._thread.join)
        self._log.close()
        self._state.close()
        if self._temporary is not None:
            self._records = self.requests()
            self._temporary.cleanup()
            self._temporary = None

    def requests(self) -> list[RequestRecord]:
        """Return the requests so far, also after its end, in the order in which they came."""
        if self._log_path is None and self._temporary is None:
            return self._records
        return read_log(self._log_file)

    @property
    def _log_file(self) -> Path:
        if self._temporary is not None:
            return Path(self._temporary.name) / "requests.jsonl"
        assert self._log_path is not None
        return self._log_path


def build_server(
    transcript: Transcript,
    *,
    log: RequestLog,
    state: ServerState,
    when_ready: Callable[[], object],
) -> LoopbackServer:
    """Return a server that answers by ``transcript``."""
    from perdure.testing.scripted_model.loopback import LoopbackServer
    from perdure.testing.scripted_model.serving import ScriptedApi

    api = ScriptedApi(transcript=transcript, log=log, state=state)
    return LoopbackServer(api.application(), when_ready=when_ready)


def _serve(server: LoopbackServer, listening: socket.socket) -> None:
    asyncio.run(server.serve(sockets=[listening]))
