"""Complete: a suite holds its backend to every contract of the base set and to all it declares."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from perdure import Registry
from perdure.testing import contract
from perdure.testing.contract.contract import (
    Contract,
    capabilities_needed,
    contracts_of,
    is_left_out,
    tests_of,
)

if TYPE_CHECKING:
    from types import ModuleType

    import pytest

    from perdure.spi import Capability
    from perdure.testing.hub import BackendHub

registry = Registry()


class Complete(Contract):
    """The contract about the suite itself: it looks at the module that it stands in."""

    registry = registry

    def test_every_contract_of_the_base_set_is_in_the_suite(
        self, request: pytest.FixtureRequest
    ) -> None:
        held = contracts_of(request.module)
        missing = [each.__name__ for each in contract.BASE if each not in held]
        assert missing == [], "the base set cannot be undeclared"

    def test_no_test_of_the_base_set_is_left_out(self, request: pytest.FixtureRequest) -> None:
        module: ModuleType = request.module
        left_out = [
            f"{suite.__name__}.{test}"
            for suite in vars(module).values()
            if inspect.isclass(suite) and issubclass(suite, Contract)
            for each in contract.BASE
            if issubclass(suite, each)
            for test in tests_of(each)
            if is_left_out(suite, test, each, module)
        ]
        assert left_out == [], "a suite may add tests to a contract, not take them away"

    def test_every_declared_capability_has_a_test(
        self, request: pytest.FixtureRequest, backend_hub: BackendHub
    ) -> None:
        tested: set[Capability] = set()
        for held in contracts_of(request.module):
            tested |= capabilities_needed(held)
        untested = sorted(backend_hub.capabilities - tested)
        assert untested == [], "what is declared must be shown"
