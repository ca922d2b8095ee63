"""The anchor: an MCP server without tools, so that a sidecar never stops hosting workflows.

A sidecar (1.18) that loses its last worker lets go of the actors of workflows, and waits for turns
that no worker will take any more; from then on it serves nobody. It does not let go while an MCP
server is configured. This one is started by the sidecar itself, and speaks over stdin and stdout:
run as a file, with nothing imported but what makes JSON.
"""

from __future__ import annotations

import json
import sys


def answer(line: str) -> str | None:
    """Return the answer to a line of JSON-RPC; ``None`` where it asks for none."""
    try:
        asked = json.loads(line)
    except ValueError:
        return None
    if not isinstance(asked, dict) or "id" not in asked:
        return None
    result: dict[str, object] = {}
    if asked.get("method") == "initialize":
        result = {
            "protocolVersion": asked.get("params", {}).get("protocolVersion", "2025-06-18"),
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "perdure-anchor", "version": "1"},
        }
    elif asked.get("method") == "tools/list":
        result = {"tools": []}
    return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result})


def main() -> None:
    """Answer until stdin ends."""
    for line in sys.stdin:
        text = answer(line)
        if text is not None:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
