"""A backend's own limit, where there is no store: refused at once, where the value was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure.embedded import create_backend
from tests.payloads_pipeline.world import SECONDS, registry, sized, twice

if TYPE_CHECKING:
    from perdure.clock import Clock
    from perdure.spi import Backend
    from tests.payloads_pipeline.world import World

LIMIT = 10_000


@registry.workflow
async def survives(size: int) -> str:
    try:
        await twice("x" * size)
    except perdure.PayloadTooLargeError as error:
        return f"refused: {error.limit}"
    return "taken"


@registry.workflow
async def returns(size: int) -> str:
    return "x" * size


@registry.workflow
async def makes(size: int) -> str:
    return await sized.with_options(retry=perdure.RetryPolicy.none())(size)


def _limited(world: World) -> perdure.App:
    def make(url: str, *, clock: Clock | None = None) -> Backend:
        backend = create_backend(f"sqlite:///{world.folder}/limited.db", clock=clock)
        backend.payload_limit = LIMIT
        return backend

    app = perdure.App("limited", backend=make, payloads="inline://")
    app.include(registry)
    return app


async def test_the_client_refuses_before_any_call(world: World) -> None:
    async with _limited(world).run() as client:
        with pytest.raises(perdure.PayloadTooLargeError, match=r"'text'|arguments of workflow"):
            await client.start(twice, "x" * LIMIT, instance_id="a")
        with pytest.raises(perdure.InstanceNotFoundError):
            await client.get(twice, "a").info()


async def test_the_workflow_gets_the_error_where_it_calls(world: World) -> None:
    async with _limited(world).run() as client:
        handle = await client.start(survives, LIMIT)
        assert await handle.result(timeout=SECONDS) == f"refused: {LIMIT}"


@pytest.mark.parametrize("workflow", [returns, makes])
async def test_results_over_the_limit_fail_and_never_loop(world: World, workflow: Any) -> None:
    async with _limited(world).run() as client:
        handle = await client.start(workflow, LIMIT)
        with pytest.raises(perdure.WorkflowFailedError, match="set PERDURE_PAYLOADS"):
            await handle.result(timeout=SECONDS)


def _with_a_store_of_its_own(world: World, payloads: str | None) -> perdure.App:
    def make(url: str, *, clock: Clock | None = None) -> Backend:
        backend = create_backend(f"sqlite:///{world.folder}/limited.db", clock=clock)
        backend.payload_limit = LIMIT
        backend.default_payloads = f"file://{world.folder}/own"
        return backend

    app = perdure.App("limited", backend=make, payloads=payloads)
    app.include(registry)
    return app


async def test_a_backends_own_store_takes_what_is_large(world: World) -> None:
    async with _with_a_store_of_its_own(world, None).run() as client:
        handle = await client.start(returns, LIMIT)
        assert await handle.result(timeout=SECONDS) == "x" * LIMIT
    assert any((world.folder / "own").rglob("*"))


async def test_inline_does_without_a_backends_own_store(world: World) -> None:
    async with _with_a_store_of_its_own(world, "inline://").run() as client:
        with pytest.raises(perdure.PayloadTooLargeError):
            await client.start(twice, "x" * LIMIT)
    assert not (world.folder / "own").exists()
