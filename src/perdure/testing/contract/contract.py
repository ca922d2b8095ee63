"""What all contracts share, and what can be asked about a contract and a suite."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, ClassVar

from perdure.spi import Capability

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    import pytest

    from perdure import Registry

MARK = "capability"
_LEAVING_OUT = {"skip", "skipif", "xfail", MARK}


class Contract:
    """One behaviour that every backend shares; a mixin for a test class of a backend's suite.

    Attributes:
        registry: What the contract runs. Names are unique over all contracts, because a hub may
            outlive a test.
    """

    registry: ClassVar[Registry]


def capabilities_needed(contract: type[Contract]) -> frozenset[Capability]:
    """Return the capabilities that a contract is about; none means that it is of the base set."""
    marks = getattr(contract, "pytestmark", [])
    return frozenset(Capability(mark.args[0]) for mark in marks if mark.name == MARK)


def tests_of(contract: type[Contract]) -> list[str]:
    """Return the names of a contract's tests, in the order of the file."""
    return [name for name in vars(contract) if name.startswith("test_")]


def contracts_of(suite: ModuleType) -> set[type[Contract]]:
    """Return the contracts that the test classes of a module hold their backend to."""
    return contracts_among(
        each for each in vars(suite).values() if inspect.isclass(each) and _is_test_class(each)
    )


def contracts_among(classes: Iterable[type]) -> set[type[Contract]]:
    """Return the contracts that these classes are made of."""
    return {base for each in classes for base in each.__mro__ if _is_contract(base)}


def cases_of(contract: type[Contract]) -> int:
    """Return how many tests a contract comes to, each set of parameters counted."""
    return sum(_cases(vars(contract)[test]) for test in tests_of(contract))


def is_left_out(
    suite: type[Contract], test: str, contract: type[Contract], module: ModuleType
) -> bool:
    """Return whether a test class replaces a test of a contract of the base set, or bars it."""
    own = getattr(suite, test, None)
    if own is not vars(contract)[test] or not _is_test_class(suite):
        return True
    marks = [*_marks(own), *_marks(suite), *_marks(module)]
    return any(mark.name in _LEAVING_OUT for mark in marks)


def _cases(test: object) -> int:
    counts = [len(mark.args[1]) for mark in _marks(test) if mark.name == "parametrize"]
    return math.prod(counts)


def _marks(owner: object) -> list[pytest.Mark]:
    marks = getattr(owner, "pytestmark", [])
    return list(marks) if isinstance(marks, list | tuple) else [marks]


def _is_test_class(kind: type) -> bool:
    return issubclass(kind, Contract) and kind.__name__.startswith("Test")


def _is_contract(kind: type) -> bool:
    return (
        issubclass(kind, Contract)
        and kind is not Contract
        and kind.__module__.startswith(f"{__package__}.")
    )
