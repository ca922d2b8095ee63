"""Deleting a conversation with all its turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure import InstanceFinishedError, InstanceNotFoundError
from perdure_agent_framework.sessions.ids import turns_prefix

if TYPE_CHECKING:
    from perdure import Client

_FINISHED = ("completed", "failed", "terminated")


async def purge_session(client: Client, session: str) -> None:
    """End a session and its turns by force, then delete them, the session last.

    If it is interrupted, it can be done again: the session is there until its turns are gone.

    Raises:
        CapabilityNotSupportedError: The backend cannot list.
        InstanceNotFoundError: There is no such session.
    """
    await _end(client, session)
    prefix = turns_prefix(session)
    # Together with what the turns have begun, whose ids begin like theirs.
    async for info in client.list(id_prefix=prefix):
        if not info.status.is_terminal:
            await _end(client, info.instance_id)
    await client.purge(id_prefix=prefix, status=_FINISHED)
    await client.get(None, session).purge()


async def _end(client: Client, instance_id: str) -> None:
    handle = client.get(None, instance_id)
    try:
        await handle.terminate(reason="its conversation was deleted")
        await handle.wait()
    except InstanceFinishedError:
        pass
    except InstanceNotFoundError:
        if not instance_id.startswith("t-"):
            raise
