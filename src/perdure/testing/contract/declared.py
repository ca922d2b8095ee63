"""Declared: a backend does what it declares, and says clearly what it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry
from perdure.spi import Capability, Health
from perdure.testing.contract.contract import Contract

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure import SyncHandle
    from perdure.testing.hub import BackendHub

registry = Registry()


@registry.workflow(name="declared_end")
async def end() -> None:
    """End at once."""


_USES: dict[Capability, Callable[[BackendHub, SyncHandle[None]], object]] = {
    Capability.SUSPEND: lambda hub, handle: handle.suspend(),
    Capability.QUERY: lambda hub, handle: list(hub.client.list()),
    Capability.HISTORY: lambda hub, handle: handle.history(),
    Capability.HISTORY_ACROSS_RUNS: lambda hub, handle: handle.history(run_id="another"),
    Capability.RESTART: lambda hub, handle: handle.restart(),
    Capability.RERUN: lambda hub, handle: handle.rerun(from_command=1),
    Capability.START_AT: lambda hub, handle: hub.start(end, start_at=hub.now() + hub.moment),
    Capability.EXECUTION_TIMEOUT: lambda hub, handle: hub.start(end, execution_timeout=hub.moment),
    Capability.TAGS: lambda hub, handle: hub.start(end, tags={"a": "b"}),
}


class Declared(Contract):
    """Capabilities, and the lack of them."""

    registry = registry

    def test_what_is_not_declared_raises_and_names_backend_and_capability(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(end)
        backend_hub.result(handle)
        for capability in sorted(set(Capability) - backend_hub.capabilities):
            with pytest.raises(perdure.CapabilityNotSupportedError) as caught:
                _USES[capability](backend_hub, handle)
            assert caught.value.backend == backend_hub.backend.name
            assert caught.value.capability == capability

    def test_capabilities_are_known_ones_and_stay_the_same(self, backend_hub: BackendHub) -> None:
        first = backend_hub.capabilities
        assert first <= set(Capability)
        backend_hub.result(backend_hub.start(end))
        assert backend_hub.capabilities == first

    def test_health_tells_that_the_backend_can_be_reached(self, backend_hub: BackendHub) -> None:
        health = backend_hub.call(backend_hub.backend.health())
        assert isinstance(health, Health)
        assert health.is_healthy, health.detail
        assert health.detail

    def test_the_backend_has_the_name_that_selects_it(self, backend_hub: BackendHub) -> None:
        assert backend_hub.backend.name == backend_hub.target.name
