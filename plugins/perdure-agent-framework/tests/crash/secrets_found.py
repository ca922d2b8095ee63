"""Looks for the API key and the header of the help desk in all that is stored of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crash.helpdesk import API_KEY, HEADER

if TYPE_CHECKING:
    from pathlib import Path

    import perdure

_SECRETS = (API_KEY.encode(), HEADER.encode())


async def secrets_in_histories(client: perdure.Client, *, most: int = 40) -> list[str]:
    """Return the instances in whose history a secret is.

    Raises:
        AssertionError: There is no history to look at.
    """
    found, seen = [], 0
    async for info in client.list():
        history = await client.get(None, info.instance_id).history()
        text = repr(history).encode()
        seen += len(history)
        if any(secret in text for secret in _SECRETS):
            found.append(info.instance_id)
        if (most := most - 1) == 0:
            break
    assert seen > 0
    return found


def secrets_in_files(folder: Path) -> list[str]:
    """Return the files in ``folder`` in which a secret is: databases, logs, whatever there is.

    Raises:
        AssertionError: What was said in conversations is in none of them either.
    """
    contents = {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and _is_ours(path)
    }
    # What was said is somewhere, so these are the right files.
    assert any(b"settled" in content or b"hello" in content for content in contents.values())
    return [
        str(path.relative_to(folder))
        for path, content in contents.items()
        if any(secret in content for secret in _SECRETS)
    ]


def _is_ours(path: Path) -> bool:
    return path.suffix != ".sock"
