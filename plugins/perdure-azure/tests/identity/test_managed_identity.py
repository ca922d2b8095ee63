"""Managed identities: of a virtual machine by IMDS, and of an app of App Service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure_kit.host_identity import HEADER, SYSTEM, USER
from azure_kit.signing import claims_of

from perdure.errors import AuthenticationFailedError
from perdure_azure.credentials import AuthenticationKind

if TYPE_CHECKING:
    from azure_kit.host_identity import AppService, VirtualMachine

    from .conftest import MakeTokens

KIND = AuthenticationKind.MANAGED_IDENTITY
SCOPE = "https://durabletask.io/.default"


def test_a_machine_has_the_token_of_its_own_identity(
    machine: VirtualMachine, make_tokens: MakeTokens
) -> None:
    claims = claims_of(make_tokens(KIND).get_token(SCOPE).token)
    assert (claims["appid"], claims["aud"]) == (SYSTEM, "https://durabletask.io")
    (request,) = machine.requests
    assert request.headers["metadata"] == "true"
    assert "client_id" not in request.query


def test_a_client_id_selects_an_identity_that_was_assigned(
    machine: VirtualMachine, make_tokens: MakeTokens
) -> None:
    tokens = make_tokens(KIND, client_id=USER)
    assert claims_of(tokens.get_token(SCOPE).token)["appid"] == USER
    assert machine.requests[0].query["client_id"] == USER


def test_an_identity_that_was_not_assigned_is_said_to_be_unknown(
    machine: VirtualMachine, make_tokens: MakeTokens
) -> None:
    tokens = make_tokens(KIND, client_id="44444444-4444-4444-4444-444444444444")
    with pytest.raises(AuthenticationFailedError, match="Identity not found") as caught:
        tokens.get_token(SCOPE)
    assert "no token (ManagedIdentity)" in str(caught.value)
    assert "let ClientID be its client id" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("identity", ["", USER])
def test_an_app_has_its_tokens_from_the_endpoint_it_was_given(
    app_service: AppService, make_tokens: MakeTokens, identity: str
) -> None:
    tokens = make_tokens(KIND, client_id=identity)
    assert claims_of(tokens.get_token(SCOPE).token)["appid"] == (identity or SYSTEM)
    assert app_service.requests[0].headers["x-identity-header"] == HEADER


def test_an_app_without_that_identity_is_told_so(
    app_service: AppService, make_tokens: MakeTokens
) -> None:
    app_service.identities.clear()
    with pytest.raises(AuthenticationFailedError, match="No User Assigned or Delegated"):
        make_tokens(KIND).get_token(SCOPE)


def test_the_audience_of_another_cloud_is_asked_for(
    machine: VirtualMachine, make_tokens: MakeTokens
) -> None:
    tokens = make_tokens(KIND, audience="https://durabletask.azure.us")
    assert claims_of(tokens.get_token(tokens.scope).token)["aud"] == "https://durabletask.azure.us"
    assert machine.requests[0].query["resource"] == "https://durabletask.azure.us"
