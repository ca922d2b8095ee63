"""Serve a transcript: ``python -m perdure.testing.scripted_model TRANSCRIPT.json --log FILE``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import Final

from perdure.errors import ConfigurationError
from perdure.testing.scripted_model.extra import require_extra
from perdure.testing.scripted_model.log import RequestLog
from perdure.testing.scripted_model.running import build_server
from perdure.testing.scripted_model.state import ServerState
from perdure.testing.scripted_model.transcript import load_transcript

_POLL_SECONDS: Final = 0.1


def main() -> None:
    """Serve until SIGINT, SIGTERM, or the end of the parent if it is named."""
    options = _options()
    if options.parent is not None:
        threading.Thread(target=_follow_parent, args=(options.parent,), daemon=True).start()
    try:
        require_extra()
        _serve(options)
    except ConfigurationError as error:
        sys.exit(f"scripted model: {error}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m perdure.testing.scripted_model",
        description="A scripted model: a local server with OpenAI's API that answers by a script.",
    )
    parser.add_argument("transcript", help="a JSON file of rules; - is standard input")
    parser.add_argument("--log", type=Path, required=True, help="the file to note requests in")
    parser.add_argument("--state", type=Path, help="a file for what must outlive a restart")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; by default a free one")
    parser.add_argument("--parent", type=int, help="end when this parent process has ended")
    return parser.parse_args()


def _serve(options: argparse.Namespace) -> None:
    from perdure.testing.scripted_model.loopback import bind, url_of

    source = Path("/dev/stdin" if options.transcript == "-" else options.transcript)
    transcript = load_transcript(source)
    log, state = RequestLog(options.log), ServerState(options.state)
    listening = bind(options.port)
    banner = f"scripted model: {url_of(listening)} with {len(transcript.rules)} rules\n"
    server = build_server(transcript, log=log, state=state, when_ready=lambda: _say(banner))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(server.serve(sockets=[listening]))


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _follow_parent(parent: int) -> None:
    # A process whose parent has ended gets another one.
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
