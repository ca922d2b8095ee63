"""Running a finished instance again: from the start, or from a command on."""

from __future__ import annotations

import platform
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from perdure._version import __version__
from perdure.errors import InstanceNotFoundError
from perdure.spi.backend import check_finished
from perdure.spi.bridge import StartEnvelope
from perdure.spi.journal import encode_journal
from perdure.spi.rerun import kept_for_rerun
from perdure.spi.values import StartRequest
from perdure_dapr.mapping import start_of

if TYPE_CHECKING:
    from perdure.clock import Clock
    from perdure.types import InstanceInfo
    from perdure_dapr.journals import Journals
    from perdure_dapr.sidecar import Sidecar
    from perdure_dapr.starting import Starter


class Reviver:
    """Runs finished instances again."""

    def __init__(
        self, sidecar: Sidecar, starter: Starter, journals: Journals, *, clock: Clock
    ) -> None:
        self._sidecar = sidecar
        self._starter = starter
        self._journals = journals
        self._clock = clock

    async def restart(self, instance_id: str, *, from_command: int | None) -> InstanceInfo:
        """Begin a new run in the place of a finished one, with its input.

        Raises:
            InstanceNotFoundError: There is none.
            InstanceActiveError: It has not ended.
            ValueError: The journal holds no such command.
        """
        state = await self._sidecar.state(instance_id)
        info = await self._starter.find(instance_id)
        if state is None or info is None:
            raise InstanceNotFoundError(instance_id=instance_id)
        check_finished(info, action="restart")
        old = start_of(state)
        assert old is not None
        start = self._renewed(old)
        if from_command is not None:
            journal = await self._journals.journal(instance_id)
            kept = kept_for_rerun(journal, from_command)
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
        return await self._starter.begin(request, start)

    def _renewed(self, old: StartEnvelope) -> StartEnvelope:
        """Return the input of a new run; whoever started the old one has had its answer."""
        run_id = uuid.uuid4().hex
        return StartEnvelope(
            run_id=run_id,
            seed=run_id,
            arguments=old.arguments,
            headers=old.headers,
            tags=old.tags,
            created_us=old.created_us or self._clock.now_us(),
            execution_timeout_us=old.execution_timeout_us,
            python=platform.python_version(),
            version=__version__,
        )
