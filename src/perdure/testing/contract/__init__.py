"""The contracts: one class for each behaviour that backends share, to be mixed into a test suite.

A backend's whole suite is one empty class for each contract::

    import perdure.testing.contract as contract

    class TestLifecycle(contract.Lifecycle): ...
"""

from __future__ import annotations

from perdure.testing.contract.contract import Contract
from perdure.testing.contract.lifecycle import Lifecycle

__all__ = ["Contract", "Lifecycle"]
