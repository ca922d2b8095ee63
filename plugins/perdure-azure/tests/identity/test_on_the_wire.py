"""Calls over TLS, with tokens of each kind, to a scheduler that checks them as the service does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest
from azure_kit.entra import CLIENT, SECRET, TENANT
from azure_kit.scheduler import look_up_instance, start_instance
from azure_kit.signing import READER, now_seconds

from perdure_azure.credentials import AuthenticationKind

if TYPE_CHECKING:
    from pathlib import Path

    from azure_kit.entra import Entra
    from azure_kit.host_identity import AppService, VirtualMachine
    from azure_kit.programs import Programs
    from azure_kit.scheduler import GuardedScheduler
    from azure_kit.signing import Signer

    from perdure_azure.tokens import Tokens

    from .conftest import MakeTokens

# The first one may have to build the stand-in.
pytestmark = pytest.mark.timeout(180)

CLI = AuthenticationKind.AZURE_CLI
MANAGED = AuthenticationKind.MANAGED_IDENTITY


@pytest.fixture
def of_machine(machine: VirtualMachine, make_tokens: MakeTokens) -> Tokens:
    assert machine.identities
    return make_tokens(MANAGED)


@pytest.fixture
def of_app(app_service: AppService, make_tokens: MakeTokens) -> Tokens:
    assert app_service.identities
    return make_tokens(MANAGED)


@pytest.fixture
def of_workload(entra: Entra, make_tokens: MakeTokens, tmp_path: Path) -> Tokens:
    projected = tmp_path / "projected-token"
    projected.write_text(entra.assertion())
    return make_tokens(
        AuthenticationKind.WORKLOAD_IDENTITY,
        client_id=CLIENT,
        tenant_id=TENANT,
        token_file_path=str(projected),
        authority=entra.host,
    )


@pytest.fixture
def of_principal(entra: Entra, make_tokens: MakeTokens, monkeypatch: pytest.MonkeyPatch) -> Tokens:
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
    return make_tokens(AuthenticationKind.ENVIRONMENT, authority=entra.host)


@pytest.fixture
def of_az(programs: Programs, signer: Signer, make_tokens: MakeTokens) -> Tokens:
    programs.add_az(signer.token(), expires_on=now_seconds() + 3600)
    return make_tokens(CLI)


@pytest.fixture
def of_pwsh(programs: Programs, signer: Signer, make_tokens: MakeTokens) -> Tokens:
    programs.add_pwsh(signer.token(), expires_on=now_seconds() + 3600)
    return make_tokens(AuthenticationKind.AZURE_POWERSHELL)


@pytest.fixture
def of_default(machine: VirtualMachine, make_tokens: MakeTokens) -> Tokens:
    assert machine.identities
    return make_tokens(AuthenticationKind.DEFAULT_AZURE)


KINDS = (
    "of_machine",
    "of_app",
    "of_workload",
    "of_principal",
    "of_az",
    "of_pwsh",
    "of_default",
)


@pytest.mark.parametrize("kind", KINDS)
def test_microsofts_sdk_is_let_in_with_tokens_of_each_kind(
    scheduler: GuardedScheduler, request: pytest.FixtureRequest, kind: str
) -> None:
    tokens: Tokens = request.getfixturevalue(kind)
    with scheduler.sdk_channel(tokens) as channel:
        start_instance(channel)
        start_instance(channel)


async def test_a_client_on_an_event_loop_is_let_in(
    scheduler: GuardedScheduler, of_machine: Tokens
) -> None:
    header = await of_machine.header()
    assert header is not None
    await scheduler.say_hello(metadata=[("taskhub", "trips"), ("authorization", header)])


def refusal(scheduler: GuardedScheduler, tokens: Tokens) -> tuple[grpc.StatusCode, str]:
    with (
        scheduler.sdk_channel(tokens) as channel,
        pytest.raises(grpc.RpcError) as caught,
    ):
        start_instance(channel)
    assert isinstance(caught.value, grpc.Call)
    return caught.value.code(), caught.value.details() or ""


def test_a_call_without_a_token_is_refused(
    scheduler: GuardedScheduler, make_tokens: MakeTokens
) -> None:
    code, _ = refusal(scheduler, make_tokens(AuthenticationKind.NONE))
    assert code is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.usefixtures("machine")
def test_a_token_for_another_audience_is_refused_and_the_setting_named(
    scheduler: GuardedScheduler, make_tokens: MakeTokens
) -> None:
    tokens = make_tokens(MANAGED, audience="https://durabletask.azure.us")
    code, details = refusal(scheduler, tokens)
    assert code is grpc.StatusCode.UNAUTHENTICATED
    advice = tokens.explain_refusal(details)
    assert "the token is for https://durabletask.azure.us" in advice
    assert "PERDURE_AZURE_AUDIENCE" in advice


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_token_out_of_its_time_is_refused_and_the_clock_named(
    scheduler: GuardedScheduler,
    programs: Programs,
    signer: Signer,
    make_tokens: MakeTokens,
    seconds: int,
) -> None:
    # What the CLI says of it is what a clock that is wrong makes of it.
    token = signer.token(begins_in_seconds=seconds, life_seconds=600)
    programs.add_az(token, expires_on=now_seconds() + 600)
    tokens = make_tokens(CLI)
    code, details = refusal(scheduler, tokens)
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert "this machine's clock" in tokens.explain_refusal(details)


def test_after_a_refusal_a_new_token_is_fetched_and_let_in(
    scheduler: GuardedScheduler, programs: Programs, signer: Signer, make_tokens: MakeTokens
) -> None:
    programs.add_az(signer.token(life_seconds=-1), expires_on=now_seconds() + 3600)
    tokens = make_tokens(CLI)
    with scheduler.sdk_channel(tokens) as channel:
        with pytest.raises(grpc.RpcError):
            start_instance(channel)
        programs.add_az(signer.token(), expires_on=now_seconds() + 3600)
        tokens.invalidate()
        start_instance(channel)


def test_a_token_of_somebody_else_is_refused(
    scheduler: GuardedScheduler, programs: Programs, make_tokens: MakeTokens, entra: Entra
) -> None:
    programs.add_az(entra.cluster.token(), expires_on=now_seconds() + 3600)
    code, _ = refusal(scheduler, make_tokens(CLI))
    assert code is grpc.StatusCode.UNAUTHENTICATED


def test_an_identity_without_a_role_has_no_right(
    scheduler: GuardedScheduler, machine: VirtualMachine, make_tokens: MakeTokens
) -> None:
    machine.roles = ()
    code, details = refusal(scheduler, make_tokens(MANAGED))
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert "Durable Task Data Contributor" in details


def test_a_reader_may_look_and_not_start(
    scheduler: GuardedScheduler, machine: VirtualMachine, make_tokens: MakeTokens
) -> None:
    machine.roles = (READER,)
    tokens = make_tokens(MANAGED)
    with scheduler.sdk_channel(tokens) as channel:
        look_up_instance(channel)
    assert refusal(scheduler, tokens)[0] is grpc.StatusCode.PERMISSION_DENIED


def test_a_token_for_another_hub_has_no_right(
    scheduler: GuardedScheduler, programs: Programs, signer: Signer, make_tokens: MakeTokens
) -> None:
    programs.add_az(signer.token(hubs=("other",)), expires_on=now_seconds() + 3600)
    code, _ = refusal(scheduler, make_tokens(CLI))
    assert code is grpc.StatusCode.PERMISSION_DENIED


def test_a_scheduler_whose_certificate_is_not_trusted_is_shown_no_token(
    scheduler: GuardedScheduler, of_machine: Tokens
) -> None:
    with (
        scheduler.sdk_channel(of_machine, trusts_it=False) as channel,
        pytest.raises(grpc.RpcError) as caught,
    ):
        start_instance(channel)
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "certificate" in (caught.value.details() or "").lower()
