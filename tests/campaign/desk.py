"""A desk: a client in the test, which talks to an app whose workers are processes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import perdure
from tests.campaign.crew import ROOT
from tests.crash.evidence import Line, Phase, append

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perdure.testing.target import BackendTarget, WorkerProcess

_RECORD_VARIABLE: Final = "CRASH_RECORD"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What a test talks to.

    Attributes:
        target: The backend.
        client: A client of it.
        registry: What workers run: ``module:attribute``.
        tests: The folder in which they find that module.
        environment: What else they are told.
    """

    target: BackendTarget
    client: perdure.Client
    registry: str
    tests: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def record(self) -> Path:
        """Where activities note themselves."""
        return self.target.folder / "record.jsonl"

    def start_worker(self) -> WorkerProcess:
        """Start a worker, and return once it is ready."""
        path = [str(ROOT), str(self.tests), os.environ.get("PYTHONPATH", "")]
        environment = {
            _RECORD_VARIABLE: str(self.record),
            "PYTHONPATH": os.pathsep.join(path),
            **self.environment,
        }
        return self.target.start_worker(self.registry, environment=environment)


def note(phase: Phase, label: str, *, seen: Sequence[str] = ()) -> None:
    """Note what the activity that this is called in does; it is on the disk when this returns."""
    activity = perdure.current_activity()
    line = Line(
        phase=phase,
        key=activity.idempotency_key,
        attempt=activity.attempt,
        pid=os.getpid(),
        label=label,
        seen=tuple(seen),
    )
    append(Path(os.environ[_RECORD_VARIABLE]), line)
