"""What all contracts share: a registry of the workflows that they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from perdure import Registry


class Contract:
    """One behaviour that every backend shares; a mixin for a test class of a backend's suite.

    Attributes:
        registry: What the contract runs. Names are unique over all contracts, because a hub may
            outlive a test.
    """

    registry: ClassVar[Registry]
