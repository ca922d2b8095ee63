"""Asking a sidecar by HTTP, as any program can."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perdure_dapr.stack import DaprStack

STORE = "/v1.0/state/workflows"


def ask(stack: DaprStack, path: str, body: Any = None, *, server: str = "daprd") -> tuple[int, Any]:
    """Return the status, and the answer; it is a value if it is JSON, else text."""
    ports = next(part.server.ports for part in stack.record().servers if part.server.name == server)
    connection = http.client.HTTPConnection("127.0.0.1", ports["http"], timeout=10)
    method = "GET" if body is None else "POST"
    headers = {"Content-Type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    is_json = response.getheader("Content-Type", "").startswith("application/json")
    return response.status, json.loads(text) if is_json else text
