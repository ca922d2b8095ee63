"""An MCP server of the tests: ``serving.py FOLDER`` over stdio, with ``http PORT`` over HTTP.

What it offers stands in ``FOLDER/offers``, a name a line,
perhaps with ``=`` and a description; each call is a line of ``FOLDER/calls``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context  # noqa: TC002 - by it the server knows the parameter


def server_on(folder: Path) -> MCPServer[Any]:
    """Return a server that offers what the folder says."""
    server: MCPServer[Any] = MCPServer("tests", log_level="ERROR")

    def note(**call: Any) -> None:
        with (folder / "calls").open("a", encoding="utf-8") as file:
            file.write(json.dumps({**call, "pid": os.getpid()}) + "\n")

    def add(a: int, b: int, context: Context[Any, Any]) -> str:
        """Add two numbers."""
        meta = dict(context.request_context.meta or {})
        request = context.request_context.request
        header = None if request is None else request.headers.get("x-token")
        note(tool="add", a=a, b=b, key=meta.get("perdure/idempotency-key"), token=header)
        return str(a + b)

    def refund(order: str) -> str:
        """Refund an order."""
        note(tool="refund", order=order)
        return f"refunded {order}"

    def crash() -> str:
        """End the server in the middle of a call."""
        note(tool="crash")
        os._exit(1)

    def fail() -> str:
        """Fail."""
        raise ValueError("no such thing")

    def greet(name: str) -> str:
        """Greet somebody."""
        return f"Say hello to {name}."

    functions = {it.__name__: it for it in (add, refund, crash, fail)}
    for line in (folder / "offers").read_text(encoding="utf-8").splitlines():
        name, _, description = line.partition("=")
        if name == "greet":
            server.prompt()(greet)
        else:
            server.tool(description=description or None, structured_output=False)(functions[name])
    return server


def main() -> None:
    """Serve until the other side, or whoever started this, ends it."""
    folder = Path(sys.argv[1])
    if sys.argv[2:3] == ["http"]:
        server_on(folder).run("streamable-http", host="127.0.0.1", port=int(sys.argv[3]))
    else:
        server_on(folder).run("stdio")


if __name__ == "__main__":
    main()
