"""Sidecars that are not there, refuse us, or lack something: told at once, with what to do."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING

import pytest
from dapr_kit.sidecars import lonely_sidecar

import perdure
from perdure import AuthenticationFailedError, BackendUnavailableError, ConfigurationError
from perdure._portal import finish
from perdure_dapr.stack import DaprStack, StackOptions

if TYPE_CHECKING:
    from pathlib import Path

    from perdure.spi import Health

pytestmark = pytest.mark.timeout(90)
_AT_ONCE_SECONDS = 8.0


def open_at(url: str) -> None:
    """Open a client and close it."""
    with perdure.App("trips", backend=url).client():
        pass


def test_without_a_sidecar_it_says_at_once_what_to_start() -> None:
    began = time.monotonic()
    with pytest.raises(BackendUnavailableError, match=r"127.0.0.1:1 .*perdure stack up dapr"):
        open_at("dapr://127.0.0.1:1")
    assert time.monotonic() - began < _AT_ONCE_SECONDS


def test_a_worker_without_a_sidecar_does_not_wait_for_one() -> None:
    app = perdure.App("trips", backend="dapr://127.0.0.1:1")

    async def work() -> None:
        async with app.worker():
            pass

    began = time.monotonic()
    with pytest.raises(BackendUnavailableError, match="perdure stack up dapr"):
        asyncio.run(work())
    assert time.monotonic() - began < _AT_ONCE_SECONDS


def test_something_else_that_listens_there_is_no_sidecar(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(BackendUnavailableError, match=f"127.0.0.1:{port}"):
            open_at(f"dapr://127.0.0.1:{port}")
        assert time.monotonic() - began < _AT_ONCE_SECONDS


def test_the_token_must_be_the_sidecars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with DaprStack(tmp_path / "dapr", StackOptions(api_token="right-one")) as stack:
        for token in ("wrong-one", ""):
            monkeypatch.setenv("DAPR_API_TOKEN", token)
            with pytest.raises(AuthenticationFailedError, match="DAPR_API_TOKEN") as caught:
                open_at(stack.url)
            assert "right-one" not in str(caught.value)
            assert not token or token not in str(caught.value)
        monkeypatch.setenv("DAPR_API_TOKEN", "right-one")
        open_at(stack.url)


@pytest.mark.parametrize("way", ["option", "variable"])
def test_a_sidecar_of_another_app_is_refused(
    dapr_stack: DaprStack, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    url = dapr_stack.url
    if way == "variable":
        monkeypatch.setenv("DAPR_APP_ID", "orders")
    else:
        url += "?hub=orders"
    with pytest.raises(ConfigurationError, match=r"'orders'.*'perdure'"):
        open_at(url)
    monkeypatch.setenv("DAPR_APP_ID", "perdure")
    open_at(dapr_stack.url)


@pytest.mark.parametrize(
    ("flag", "complaint"),
    [
        ("--resources-path", "actorStateStore"),
        ("--placement-host-address", "placement"),
        ("--scheduler-host-address", "--scheduler-host-address"),
    ],
)
def test_a_sidecar_that_lacks_something_is_refused_with_what(
    dapr_stack: DaprStack, tmp_path: Path, flag: str, complaint: str
) -> None:
    with (
        lonely_sidecar(dapr_stack, tmp_path, without=(flag,)) as url,
        pytest.raises(BackendUnavailableError, match=f"(?s){complaint}"),
    ):
        open_at(url)


def test_health_tells_what_is_wrong_and_never_raises(tmp_path: Path) -> None:
    with DaprStack(tmp_path / "dapr") as stack:
        app = perdure.App("trips", backend=stack.url)
        with app.client() as client:
            backend = client._client._link.backend
            health = client._client._link.caller
            well = finished(health(backend.health(), timeout_seconds=10))
            assert well.is_healthy
            assert "app 'perdure'" in well.detail
            stack.kill("daprd")
            began = time.monotonic()
            ill = finished(health(backend.health(), timeout_seconds=10))
            assert not ill.is_healthy
            assert stack.url.removeprefix("dapr://") in ill.detail
            assert time.monotonic() - began < 4
            stack.start("daprd")


def finished(coroutine: object) -> Health:
    """Run one of the portal's blocking calls to its end."""
    found: Health = finish(coroutine)  # type: ignore[arg-type]  # what the portal gives
    return found


def test_names_that_dapr_keeps_for_itself_are_refused_before_any_call(
    dapr_stack: DaprStack,
) -> None:
    app = perdure.App("reserved", backend=dapr_stack.url)

    @app.workflow(name="dapr.internal.mine")
    async def mine() -> None: ...

    with app.client() as client, pytest.raises(perdure.InvalidNameError, match="Dapr's own"):
        client.start(mine)
    with pytest.raises(perdure.InvalidNameError, match=r"dapr\.internal\.mine"):
        asyncio.run(_work(app))


async def _work(app: perdure.App) -> None:
    async with app.worker():
        pass
