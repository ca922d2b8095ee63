"""Running a finished instance again: from the start, or from a command on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from perdure.errors import InstanceNotFoundError
from perdure.spi.backend import check_finished
from perdure.spi.journal import encode_journal
from perdure.spi.remote.journals import journal_of
from perdure.spi.remote.starts import renewed_start
from perdure.spi.rerun import kept_for_rerun
from perdure.spi.values import StartRequest

if TYPE_CHECKING:
    from perdure.clock import Clock
    from perdure.spi.remote.server import RemoteServer
    from perdure.types import InstanceInfo


class Reviver:
    """Runs finished instances again."""

    def __init__(self, server: RemoteServer, *, clock: Clock) -> None:
        self._server = server
        self._clock = clock

    async def restart(self, instance_id: str, *, from_command: int | None) -> InstanceInfo:
        """Begin a new run in the place of a finished one, with its input.

        Raises:
            InstanceNotFoundError: There is none.
            InstanceActiveError: It has not ended.
            ValueError: The journal holds no such command.
        """
        state = await self._server.state(instance_id)
        info = await self._server.find(instance_id)
        if state is None or info is None:
            raise InstanceNotFoundError(instance_id=instance_id)
        check_finished(info, action="restart")
        old = state.start
        assert old is not None
        start = renewed_start(old, now_us=self._clock.now_us())
        if from_command is not None:
            kept = kept_for_rerun(await journal_of(self._server, instance_id), from_command)
            again = [] if kept.again is None else [kept.again]
            start = replace(
                start,
                seed=old.seed,
                prefix=encode_journal([*kept.journal, *again]) if kept.journal else "",
                repeats=kept.again is not None,
            )
        request = StartRequest(
            workflow=info.name,
            instance_id=instance_id,
            arguments=start.arguments,
            if_exists="replace_finished",
        )
        return await self._server.begin(request, start)
