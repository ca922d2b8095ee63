"""A server for the tests of stacks: it is healthy, or not, and says when it starts and ends.

Run as ``python fake_server.py NAME PORT MODE DIARY``.
"""

from __future__ import annotations

import http.server
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn


def main() -> None:
    """Serve until SIGTERM, in the way that MODE says."""
    name, port, mode, diary = sys.argv[1], int(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    write(diary, f"start {name}")
    sys.stdout.write(f"{name} begins on {port}\n")
    sys.stdout.flush()
    if mode == "ends":
        sys.exit("this server cannot go on: no such table")

    def end(*_: Any) -> NoReturn:
        write(diary, f"stop {name}")
        sys.exit(0)

    signal.signal(signal.SIGTERM, signal.SIG_IGN if mode == "stubborn" else end)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503 if mode == "sick" else 200)
            self.end_headers()

    http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()


def write(diary: Path, words: str) -> None:
    """Add a line, at once and whole."""
    with diary.open("a", encoding="utf-8") as file:
        file.write(f"{time.monotonic_ns()} {words}\n")


main()
