"""Having a scheduler work at once after its predecessor was killed.

A scheduler triggers jobs once its leadership key stands in its etcd, under a lease of 20 s. One
that was killed leaves the key behind, its lease begins anew when etcd restarts, and for those 20 s
nothing is triggered while the health check is content. There is one scheduler in a stack, and what
starts the next one knows that the last is dead: so it revokes that one's lease, and no other.
"""

from __future__ import annotations

import base64
import http.client
import json
import time
from typing import TYPE_CHECKING, Any, Final

from perdure.stack import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path

    from perdure.stack import Server

_KEY: Final = b"dapr/leadership/dapr-scheduler-server-0"
_ANSWER_SECONDS: Final = 2.0
_POLL_SECONDS: Final = 0.02


def take_over(scheduler: Server, *, lease_file: Path, seconds: float) -> str:
    """Wait until ``scheduler`` leads, and return what is wrong if it does not.

    Args:
        scheduler: One that was just started, alone on its data.
        lease_file: Where the lease of the last one stands, and that of this one will.
        seconds: How long to wait.
    """
    port = scheduler.ports["etcd-client"]
    last = lease_file.read_text(encoding="ascii") if lease_file.exists() else ""
    deadline = time.monotonic() + seconds
    while True:
        lease = _lease_of_leader(port)
        if lease and lease != last:
            lease_file.write_text(lease, encoding="ascii")
            return ""
        if time.monotonic() >= deadline:
            return f"did not become leader within {seconds:.0f} s"
        if lease:
            _ask(port, "/v3/lease/revoke", {"ID": last})
        time.sleep(_POLL_SECONDS)


def _lease_of_leader(port: int) -> str:
    key = base64.b64encode(_KEY).decode("ascii")
    found = _ask(port, "/v3/kv/range", {"key": key}).get("kvs", [])
    return str(found[0].get("lease", "")) if found else ""


def _ask(port: int, path: str, question: dict[str, str]) -> dict[str, Any]:
    """Ask etcd by its JSON gateway; the answer is empty if there is none, as while it starts."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("POST", path, json.dumps(question))
        response = connection.getresponse()
        body = response.read()
        return dict(json.loads(body)) if response.status == http.client.OK else {}
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()
