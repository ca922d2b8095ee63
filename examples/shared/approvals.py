"""Approving as people do: with the command line ``perdure approvals``, in a process of its own."""

from __future__ import annotations

import asyncio
import sys


class CommandFailedError(RuntimeError):
    """A command of perdure did not do what it was told."""

    def __init__(self, command: str, said: str) -> None:
        super().__init__(f"{command} failed: {said}")


async def approve(approval_id: str, *, by: str) -> tuple[str, str]:
    """Approve; return the command, and what it said.

    Raises:
        CommandFailedError: It cannot be approved.
    """
    words = ("approvals", "approve", approval_id, "--by", by)
    command = f"perdure {' '.join(words)}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "perdure", *words, "--timeout", "30s", "--no-color"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaint = await process.communicate()
    if process.returncode:
        raise CommandFailedError(command, complaint.decode(errors="replace").strip())
    return command, said.decode().strip()
