"""How a run begins: from the input on the wire to its first entry."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from perdure._version import __version__
from perdure.errors import PayloadError
from perdure.spi.bridge.envelope import StartEnvelope, decode_start, raw_text
from perdure.spi.history import WorkflowStarted
from perdure.spi.journal import decode_journal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perdure.spi.history import BufferedEvent, ContinuedAsNew, HistoryEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The beginning of a run.

    Attributes:
        is_foreign: Whether its input is raw, of somebody else's client.
    """

    instance_id: str
    workflow: str
    at_us: int
    start: StartEnvelope
    is_foreign: bool = False

    @property
    def deadline_us(self) -> int | None:
        """When the run fails by itself, if ever."""
        start = self.start
        if start.execution_deadline_us is not None or start.execution_timeout_us is None:
            return start.execution_deadline_us
        return self.at_us + start.execution_timeout_us

    def begun(self, *, at_us: int, pending: Iterable[BufferedEvent]) -> Opening:
        """Return the beginning of a run whose time has come, with the events that came before."""
        start = replace(self.start, pending=(*self.start.pending, *pending))
        return replace(self, at_us=at_us, start=start)

    def prefix(self) -> Prefix | None:
        """Return what a rerun begins with.

        Raises:
            PayloadError: It is not whole.
        """
        if not self.start.prefix:
            return None
        journal = decode_journal(self.start.prefix)
        first = journal[0]
        if not isinstance(first, WorkflowStarted):
            raise PayloadError(what="journal of a rerun", problem="it lacks its beginning")
        again = journal.pop() if self.start.repeats else None
        run_id, deadline_us = self.start.run_id, self.deadline_us
        journal[0] = replace(first, run_id=run_id, execution_deadline_us=deadline_us)
        return Prefix(journal=tuple(journal), again=again)

    @classmethod
    def read(cls, value: object, *, instance_id: str, workflow: str, at_us: int) -> Opening:
        """Return what the input of a generator says.

        Raw input gets a run id made of what stays the same whenever the run is executed again: an
        object is taken for arguments by name, nothing for none, and anything else as it is.

        Raises:
            PayloadError: It is an envelope, and not whole.
        """
        start = decode_start(value)
        is_foreign = start is None
        if start is None:
            arguments = "{}" if value is None else raw_text(value)
            run_id = derived_id(instance_id, str(at_us), arguments)
            start = StartEnvelope(run_id=run_id, seed=run_id, arguments=arguments)
        return cls(
            instance_id=instance_id,
            workflow=workflow,
            at_us=at_us,
            start=start,
            is_foreign=is_foreign,
        )

    def stamped(self, patches: tuple[str, ...]) -> StartEnvelope:
        """Return the input of the same run, with the patches that its code declares."""
        return replace(self.start, patches=patches)

    def started(self) -> WorkflowStarted:
        """Return the first entry. An input without patches began with code that declared none."""
        start = self.start
        return WorkflowStarted(
            at_us=self.at_us,
            instance_id=self.instance_id,
            run_id=start.run_id,
            workflow=self.workflow,
            arguments=start.arguments,
            seed=start.seed,
            patches=start.patches or (),
            headers=start.headers,
            tags=start.tags,
            parent=start.parent,
            carried=start.carried,
            execution_deadline_us=self.deadline_us,
            python=start.python,
            perdure=start.version,
        )

    def following(
        self,
        outcome: ContinuedAsNew,
        *,
        patches: tuple[str, ...],
        sequence: int,
        custom_status: str | None,
    ) -> StartEnvelope:
        """Return the input of the run that follows this one."""
        run_id = derived_id(self.start.run_id, "next")
        return replace(
            self.start,
            run_id=run_id,
            seed=run_id,
            arguments=outcome.arguments,
            patches=patches,
            carried=outcome.carried,
            pending=(),
            start_at_us=None,
            execution_deadline_us=self.deadline_us,
            prefix="",
            repeats=False,
            sequence=sequence,
            custom_status=custom_status,
            python=platform.python_version(),
            version=__version__,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """What a rerun keeps of the run before.

    Attributes:
        journal: What the code is rebuilt from.
        again: The input to be delivered once more behind it, if any.
    """

    journal: tuple[HistoryEvent, ...]
    again: HistoryEvent | None


def derived_id(*parts: str) -> str:
    """Return an id like those made at random, but the same whenever it is made again."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
