"""The contracts: one class for each behaviour that backends share, to be mixed into a test suite.

A backend's whole suite is one empty class for each contract::

    from perdure.testing import contract

    class TestLifecycle(contract.Lifecycle): ...

``Complete`` fails when one is missing that the backend must keep, or has declared.
"""

from __future__ import annotations

from typing import Final

from perdure.testing.contract.activities import Activities
from perdure.testing.contract.approvals import Approvals
from perdure.testing.contract.cancellation import Cancellation
from perdure.testing.contract.children import Children
from perdure.testing.contract.concurrency import Concurrency
from perdure.testing.contract.continue_as_new import ContinueAsNew
from perdure.testing.contract.contract import Contract, capabilities_needed
from perdure.testing.contract.declared import Declared
from perdure.testing.contract.determinism import Determinism
from perdure.testing.contract.events import Events
from perdure.testing.contract.history import History, HistoryAcrossRuns
from perdure.testing.contract.id_rules import IdRules
from perdure.testing.contract.lifecycle import Lifecycle
from perdure.testing.contract.limits import Limits
from perdure.testing.contract.payloads import Payloads
from perdure.testing.contract.purge import Purge
from perdure.testing.contract.query import Query, Tags
from perdure.testing.contract.recovery import ServerRecovery, WorkerRecovery
from perdure.testing.contract.restart import Rerun, Restart
from perdure.testing.contract.retries import Retries
from perdure.testing.contract.start_options import ExecutionTimeout, Headers, StartAt
from perdure.testing.contract.suspend import Suspend
from perdure.testing.contract.terminate import Terminate
from perdure.testing.contract.timers import Timers

ALL: Final[tuple[type[Contract], ...]] = (
    Lifecycle,
    Activities,
    Retries,
    Timers,
    Events,
    Children,
    ContinueAsNew,
    Cancellation,
    Approvals,
    Terminate,
    Purge,
    Payloads,
    Headers,
    IdRules,
    Limits,
    Determinism,
    Concurrency,
    WorkerRecovery,
    ServerRecovery,
    Declared,
    Suspend,
    Query,
    Tags,
    History,
    HistoryAcrossRuns,
    Restart,
    Rerun,
    StartAt,
    ExecutionTimeout,
)
"""Every contract, in the order of the matrix."""

BASE: Final = tuple(each for each in ALL if not capabilities_needed(each))
"""What every backend keeps; nobody can undeclare it."""

# It looks at the names above.
from perdure.testing.contract.complete import Complete  # noqa: E402

__all__ = [
    "ALL",
    "BASE",
    "Activities",
    "Approvals",
    "Cancellation",
    "Children",
    "Complete",
    "Concurrency",
    "ContinueAsNew",
    "Contract",
    "Declared",
    "Determinism",
    "Events",
    "ExecutionTimeout",
    "Headers",
    "History",
    "HistoryAcrossRuns",
    "IdRules",
    "Lifecycle",
    "Limits",
    "Payloads",
    "Purge",
    "Query",
    "Rerun",
    "Restart",
    "Retries",
    "ServerRecovery",
    "StartAt",
    "Suspend",
    "Tags",
    "Terminate",
    "Timers",
    "WorkerRecovery",
    "capabilities_needed",
]
