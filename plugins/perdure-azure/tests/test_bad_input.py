"""Schedulers that are not there, refuse us, or are something else: told soon, with what to do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from azure_kit.programs import Programs
from azure_kit.signing import CONTRIBUTOR, READER, WORKER, Signer, now_seconds
from azure_kit.stand_in import StandIn

import perdure
from perdure import (
    AuthenticationFailedError,
    BackendUnavailableError,
    ConfigurationError,
    InvalidNameError,
)
from perdure._portal import finish
from perdure_azure.connection import Connection
from perdure_azure.stack import AzureStack, StackOptions
from perdure_azure.stack.build import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from perdure.spi import Health

    Token = Callable[..., None]

pytestmark = pytest.mark.timeout(90)
_AT_ONCE_SECONDS = 4.0
_DEADLINE_SECONDS = 14.0


def open_at(url: str) -> None:
    """Open a client and close it."""
    with perdure.App("trips", backend=url).client():
        pass


def work_at(url: str) -> None:
    """Run a worker for a moment."""
    app = perdure.App("trips", backend=url)

    @app.workflow(name="bad_input_nothing")
    async def nothing() -> None: ...

    async def work() -> None:
        async with app.worker():
            pass

    asyncio.run(work())


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


EITHER = pytest.mark.parametrize("use", [open_at, work_at], ids=["client", "worker"])


# -- nobody there ---------------------------------------------------------------------------------


@EITHER
def test_without_a_scheduler_it_says_at_once_what_to_start(use: Callable[[str], None]) -> None:
    with (
        within(_AT_ONCE_SECONDS),
        pytest.raises(BackendUnavailableError, match=r"127.0.0.1:1 .*perdure stack up azure"),
    ):
        use("azure://127.0.0.1:1/trips")


def test_a_host_that_nobody_knows_is_named() -> None:
    url = "azure://no-such-host.invalid/trips?authentication=None"
    with (
        within(_DEADLINE_SECONDS),
        pytest.raises(BackendUnavailableError, match=r"no-such-host\.invalid.*check the endpoint"),
    ):
        open_at(url)


@EITHER
def test_a_port_that_accepts_and_never_answers_has_a_deadline(use: Callable[[str], None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with (
            within(_DEADLINE_SECONDS),
            pytest.raises(BackendUnavailableError, match=f"127.0.0.1:{port}"),
        ):
            use(f"azure://127.0.0.1:{port}/trips")


def test_something_else_that_answers_there_is_no_scheduler() -> None:
    with (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") as port,
        within(_DEADLINE_SECONDS),
        pytest.raises(BackendUnavailableError, match=f"127.0.0.1:{port}"),
    ):
        open_at(f"azure://127.0.0.1:{port}/trips")


@contextlib.contextmanager
def answering(said: bytes) -> Iterator[int]:
    """Run a server that says the same to everybody and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(1024)
                        connection.sendall(said)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


# -- TLS ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def secure_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureStack]:
    with AzureStack(tmp_path_factory.mktemp("secure"), StackOptions(tls=True)) as stack:
        yield stack


@EITHER
def test_a_plain_endpoint_that_is_spoken_to_by_https_is_told_apart(
    azure_stack: AzureStack, use: Callable[[str], None]
) -> None:
    with within(_DEADLINE_SECONDS), pytest.raises(BackendUnavailableError) as caught:
        use(f"azure://{azure_stack.target}/default?tls=true&authentication=None")
    assert "spoken to by https; does it speak TLS at all?" in str(caught.value)
    assert azure_stack.target in str(caught.value)


@EITHER
def test_an_endpoint_with_tls_that_is_spoken_to_by_http_is_told_apart(
    secure_stack: AzureStack, use: Callable[[str], None]
) -> None:
    with within(_DEADLINE_SECONDS), pytest.raises(BackendUnavailableError) as caught:
        use(f"azure://{secure_stack.target}/default?tls=false&authentication=None")
    assert "https://" in str(caught.value)
    assert secure_stack.target in str(caught.value)


def test_a_certificate_that_nobody_vouches_for_is_refused(secure_stack: AzureStack) -> None:
    with within(_DEADLINE_SECONDS), pytest.raises(BackendUnavailableError) as caught:
        open_at(f"azure://{secure_stack.target}/default?tls=true&authentication=None")
    assert "certificate" in str(caught.value).lower()


# -- hubs and names -------------------------------------------------------------------------------


@EITHER
def test_a_hub_that_there_is_not_is_named(
    azure_stack: AzureStack, use: Callable[[str], None]
) -> None:
    url = azure_stack.url_of("elsewhere")
    with (
        within(_AT_ONCE_SECONDS),
        pytest.raises(ConfigurationError, match=r"no task hub 'elsewhere'.*az durabletask"),
    ):
        use(url)


@pytest.mark.parametrize("hub", ["ab", "with space", "x" * 65, "a_b"])
def test_a_name_that_no_hub_can_have_is_refused_before_any_call(hub: str) -> None:
    with pytest.raises(ConfigurationError, match="3 to 64"):
        open_at(f"azure://127.0.0.1:1/{hub}")


def test_instance_ids_and_event_names_are_refused_before_any_call(azure_stack: AzureStack) -> None:
    app = perdure.App("trips", backend=azure_stack.url)

    @app.workflow(name="bad_input_trip")
    async def trip() -> None: ...

    with app.client() as client:
        for instance_id in ("", "x" * 101, "a/b", "@entity", "a b", "ä"):
            with pytest.raises(perdure.InvalidInstanceIdError):
                client.start(trip, instance_id=instance_id)
        handle = client.start(trip)
        for name in ("", "a b", "x" * 101, "perdure.event"):
            with pytest.raises(InvalidNameError):
                handle.raise_event(name, 1)


# -- who we are -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer("https://sts.example/")


@pytest.fixture(scope="module")
def guarded(signer: Signer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """Return a scheduler that takes the signer's tokens."""
    folder = tmp_path_factory.mktemp("guarded")
    key = signer.write_public_key(folder / "signer.pem")
    with StandIn(folder / "data", "--hubs", "trips", "--token-key", str(key)) as server:
        yield server


@pytest.fixture
def show(signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Token:
    """Have the Azure CLI of this user give a token."""
    programs = Programs(tmp_path / "programs")
    monkeypatch.setenv("PATH", f"{programs.folder}{os.pathsep}{os.environ['PATH']}")

    def show(**claims: object) -> None:
        token = signer.token(**claims)  # type: ignore[arg-type]  # as the test has it
        programs.add_az(token, expires_on=now_seconds() + 3600)

    return show


def url_of(server: StandIn) -> str:
    return f"azure://{server.address}/trips?authentication=AzureCLI"


@EITHER
def test_an_identity_with_the_role_gets_in(
    guarded: StandIn, show: Token, use: Callable[[str], None]
) -> None:
    show(roles=(CONTRIBUTOR,))
    use(url_of(guarded))


@EITHER
@pytest.mark.parametrize("roles", [(), ("Reader",)])
def test_an_identity_without_a_role_is_told_which_there_are(
    guarded: StandIn, show: Token, use: Callable[[str], None], roles: tuple[str, ...]
) -> None:
    show(roles=roles)
    with within(_AT_ONCE_SECONDS), pytest.raises(AuthenticationFailedError) as caught:
        use(url_of(guarded))
    for said in (guarded.address, "'trips'", "AzureCli", CONTRIBUTOR):
        assert said in str(caught.value)


def test_a_worker_that_may_only_read_is_told_so_when_it_starts(
    guarded: StandIn, show: Token
) -> None:
    show(roles=(READER,))
    open_at(url_of(guarded))
    with within(_AT_ONCE_SECONDS), pytest.raises(AuthenticationFailedError) as caught:
        work_at(url_of(guarded))
    for said in ("GetWorkItems", WORKER, CONTRIBUTOR, "'trips'"):
        assert said in str(caught.value)


def test_a_reader_may_look_and_is_told_that_it_may_not_start(guarded: StandIn, show: Token) -> None:
    show(roles=(READER,))
    app = perdure.App("trips", backend=url_of(guarded))
    with app.client() as client:
        assert list(client.list()) == []
        with pytest.raises(AuthenticationFailedError, match="StartInstance needs the role"):
            client.start("bad_input_trip", arguments={})


def test_a_role_for_another_hub_is_none(guarded: StandIn, show: Token) -> None:
    show(hubs=("others",))
    with pytest.raises(AuthenticationFailedError, match="not for task hub 'trips'"):
        open_at(url_of(guarded))


@pytest.mark.parametrize(
    ("claims", "hint"),
    [
        ({"life_seconds": -60}, "clock is slow, or the scheduler's fast"),
        ({"begins_in_seconds": 600}, "compare it"),
        ({"audience": "https://elsewhere.example"}, "ResourceId in the connection string"),
    ],
    ids=["expired", "early", "audience"],
)
def test_a_token_that_is_refused_is_told_with_what_to_look_at(
    guarded: StandIn, show: Token, claims: dict[str, object], hint: str
) -> None:
    show(**claims)
    with within(_AT_ONCE_SECONDS), pytest.raises(AuthenticationFailedError) as caught:
        open_at(url_of(guarded))
    assert hint in str(caught.value)
    assert guarded.address in str(caught.value)


def test_a_refused_token_is_asked_for_anew_once_and_not_again_and_again(
    guarded: StandIn, show: Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(life_seconds=-60)
    calls: list[str] = []
    once = Connection._once

    async def count(self: Any, method: str, *args: Any) -> Any:
        calls.append(method)
        return await once(self, method, *args)

    monkeypatch.setattr(Connection, "_once", count)
    with pytest.raises(AuthenticationFailedError):
        open_at(url_of(guarded))
    assert 2 <= len(calls) <= 4
    assert len(Programs(tmp_path / "programs").calls("az")) <= 3


def test_without_any_token_it_says_that_one_is_needed(guarded: StandIn) -> None:
    with pytest.raises(AuthenticationFailedError, match="Authentication other than None"):
        open_at(f"azure://{guarded.address}/trips")


# -- a connection that was there ------------------------------------------------------------------


async def test_who_waits_with_a_timeout_is_told_in_time_though_the_scheduler_is_gone(
    tmp_path: Path,
) -> None:
    with AzureStack(tmp_path / "stack", StackOptions()) as stack:
        async with perdure.App("trips", backend=stack.url).client() as client:
            handle = await client.start("bad_input_nobody", arguments={}, instance_id="trip-1")
            waiting = asyncio.ensure_future(handle.wait(timeout=timedelta(seconds=2)))
            await asyncio.sleep(0.5)
            await asyncio.to_thread(stack.kill, PROGRAM)
            with within(_AT_ONCE_SECONDS), pytest.raises(TimeoutError) as caught:
                await waiting
    for said in ("trip-1", "not known to have ended", "perdure stack up azure"):
        assert said in str(caught.value)


def test_health_tells_what_is_wrong_and_never_raises(tmp_path: Path) -> None:
    with AzureStack(tmp_path / "stack", StackOptions()) as stack:
        app = perdure.App("trips", backend=stack.url)
        with app.client() as client:
            backend = client._client._link.backend
            ask = client._client._link.caller
            well = finished(ask(backend.health(), timeout_seconds=10))
            assert well.is_healthy
            assert "hub 'default'" in well.detail
            stack.kill(PROGRAM)
            with within(_AT_ONCE_SECONDS):
                ill = finished(ask(backend.health(), timeout_seconds=10))
            assert not ill.is_healthy
            assert stack.target in ill.detail


def finished(coroutine: object) -> Health:
    """Run one of the portal's blocking calls to its end."""
    found: Health = finish(coroutine)  # type: ignore[arg-type]  # what the portal gives
    return found
