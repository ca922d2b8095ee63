"""Running the MCP server of the tests, and reading what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

SERVER = Path(__file__).with_name("serving.py")
_SECONDS = 20


def offer(folder: Path, *names: str) -> None:
    """Let the server, from its next start on, offer these tools and prompts."""
    (folder / "offers").write_text("\n".join(names), encoding="utf-8")


def calls_in(folder: Path) -> list[dict[str, Any]]:
    """Return the tool calls that the server has seen."""
    path = folder / "calls"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def command(folder: Path) -> dict[str, Any]:
    """Return how an ``MCPStdioTool`` starts the server."""
    return {"command": sys.executable, "args": [str(SERVER), str(folder)]}


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def http_server(folder: Path, port: int) -> AsyncGenerator[str, None]:
    """Run the server over HTTP, and give its URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SERVER), str(folder), "http", str(port)
    )
    try:
        async with asyncio.timeout(_SECONDS):
            await _is_listening(port, process)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _is_listening(port: int, process: asyncio.subprocess.Process) -> None:
    while process.returncode is None:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise RuntimeError(f"the MCP server ended with {process.returncode}")
