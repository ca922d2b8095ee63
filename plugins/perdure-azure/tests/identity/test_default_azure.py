"""The default: the first way that works, of those there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure_kit.entra import CLIENT, SECRET, TENANT
from azure_kit.host_identity import USER
from azure_kit.signing import claims_of, now_seconds

from perdure.errors import AuthenticationFailedError
from perdure_azure.credentials import AuthenticationKind

if TYPE_CHECKING:
    from pathlib import Path

    from azure_kit.entra import Entra
    from azure_kit.host_identity import AppService, VirtualMachine
    from azure_kit.programs import Programs
    from azure_kit.signing import Signer

    from .conftest import MakeTokens

KIND = AuthenticationKind.DEFAULT_AZURE


def test_a_service_principal_goes_before_a_managed_identity(
    entra: Entra,
    machine: VirtualMachine,
    make_tokens: MakeTokens,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
    tokens = make_tokens(KIND, authority=entra.host)
    assert claims_of(tokens.get_token(tokens.scope).token)["appid"] == CLIENT
    assert not machine.requests


def test_a_pod_has_the_identity_of_its_workload(
    entra: Entra, make_tokens: MakeTokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    projected = tmp_path / "projected-token"
    projected.write_text(entra.assertion())
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(projected))
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", f"{entra.url}/")
    tokens = make_tokens(KIND)
    assert claims_of(tokens.get_token(tokens.scope).token)["appid"] == CLIENT
    assert entra.requests[-1].form["client_assertion"] == projected.read_text()


def test_a_client_id_selects_the_managed_identity(
    machine: VirtualMachine, make_tokens: MakeTokens
) -> None:
    tokens = make_tokens(KIND, client_id=USER)
    assert claims_of(tokens.get_token(tokens.scope).token)["appid"] == USER
    assert machine.requests[-1].query["client_id"] == USER


def test_off_azure_it_is_who_is_signed_in(
    app_service: AppService, programs: Programs, signer: Signer, make_tokens: MakeTokens
) -> None:
    app_service.is_failing = True
    token = signer.token()
    programs.add_az(token, expires_on=now_seconds() + 3600)
    tokens = make_tokens(KIND)
    assert tokens.get_token(tokens.scope).token == token


def test_if_nothing_works_each_way_is_listed_with_its_reason(
    app_service: AppService, programs: Programs, make_tokens: MakeTokens
) -> None:
    app_service.is_failing = True
    programs.add_az_without_user()
    tokens = make_tokens(KIND)
    with pytest.raises(AuthenticationFailedError) as caught:
        tokens.get_token(tokens.scope)
    first, *ways, last = str(caught.value).splitlines()
    assert first.endswith("no token (DefaultAzure), for none of these has one:")
    assert {way.strip().partition(":")[0] for way in ways} >= {
        "EnvironmentCredential",
        "WorkloadIdentityCredential",
        "ManagedIdentityCredential",
        "AzureCliCredential",
        "AzurePowerShellCredential",
    }
    assert "  AzureCliCredential: Please run 'az login' to set up an account" in ways
    assert last.startswith("log in (az login), or name one way")
    assert all(len(line) < 200 and "http" not in line for line in ways)
