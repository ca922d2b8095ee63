"""The contracts: one class for each behaviour that backends share, to be mixed into a test suite.

A backend's whole suite is one empty class for each contract::

    import perdure.testing.contract as contract

    class TestLifecycle(contract.Lifecycle): ...
"""

from __future__ import annotations

from perdure.testing.contract.activities import Activities
from perdure.testing.contract.continue_as_new import ContinueAsNew
from perdure.testing.contract.contract import Contract
from perdure.testing.contract.events import Events
from perdure.testing.contract.lifecycle import Lifecycle
from perdure.testing.contract.retries import Retries
from perdure.testing.contract.timers import Timers

__all__ = [
    "Activities",
    "ContinueAsNew",
    "Contract",
    "Events",
    "Lifecycle",
    "Retries",
    "Timers",
]
