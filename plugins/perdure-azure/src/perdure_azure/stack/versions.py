"""The version that a stand-in which was started says it has: that of the library under it."""

from __future__ import annotations

import http.client
import json
from typing import Any, Final

from perdure.stack import LOOPBACK
from perdure_azure.stack.build import LIBRARY

_ANSWER_SECONDS: Final = 5.0


def version_in_log(log: str) -> str:
    """Ask the stand-in that wrote ``log``; the answer is empty if there is none.

    Its first line says at which port it tells of itself; a log of several starts has several.
    """
    lines = [line for line in log.splitlines() if line.startswith('{"grpc"')]
    if not lines:
        return ""
    versions = _status(int(json.loads(lines[-1])["admin"])).get("versions", {})
    library = versions.get(LIBRARY, "").removeprefix("v")
    return f"{LIBRARY.rpartition('/')[2]} {library}" if library else ""


def _status(port: int) -> dict[str, Any]:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/status")
        return dict(json.loads(connection.getresponse().read()))
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()
