"""A service principal that variables describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure_kit.entra import CLIENT, SECRET, TENANT
from azure_kit.signing import claims_of

from perdure.errors import AuthenticationFailedError, ConfigurationError
from perdure_azure.credentials import AuthenticationKind

if TYPE_CHECKING:
    from azure_kit.entra import Entra

    from .conftest import MakeTokens

KIND = AuthenticationKind.ENVIRONMENT


@pytest.fixture
def _principal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)


@pytest.mark.usefixtures("_principal")
def test_a_secret_is_shown_to_the_authority(entra: Entra, make_tokens: MakeTokens) -> None:
    tokens = make_tokens(KIND, authority=entra.host)
    assert claims_of(tokens.get_token(tokens.scope).token)["appid"] == CLIENT
    form = entra.requests[-1].form
    assert (form["client_secret"], form["scope"]) == (SECRET, "https://durabletask.io/.default")


@pytest.mark.usefixtures("_principal")
def test_a_wrong_secret_is_said_to_be_wrong_and_not_repeated(
    entra: Entra, make_tokens: MakeTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "another-secret")
    tokens = make_tokens(KIND, authority=entra.host)
    with pytest.raises(AuthenticationFailedError, match="AADSTS7000215") as caught:
        tokens.get_token(tokens.scope)
    assert "AZURE_CLIENT_SECRET" in str(caught.value)
    assert "another-secret" not in str(caught.value)


def test_variables_that_are_missing_are_named(make_tokens: MakeTokens) -> None:
    with pytest.raises(ConfigurationError, match="AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_CLIENT"):
        make_tokens(KIND)


@pytest.mark.usefixtures("_principal")
def test_the_one_variable_that_is_missing_is_named(
    make_tokens: MakeTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_TENANT_ID")
    with pytest.raises(ConfigurationError, match="Authentication=Environment: AZURE_TENANT_ID not"):
        make_tokens(KIND)
