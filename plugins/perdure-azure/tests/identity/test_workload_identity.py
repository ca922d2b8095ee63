"""Workload identity: the projected token of a pod is exchanged at the authority, over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure_kit.entra import CLIENT, TENANT
from azure_kit.signing import claims_of

from perdure.errors import AuthenticationFailedError, ConfigurationError
from perdure_azure.credentials import AuthenticationKind

if TYPE_CHECKING:
    from pathlib import Path

    from azure_kit.entra import Entra

    from perdure_azure.tokens import Tokens

    from .conftest import MakeTokens

KIND = AuthenticationKind.WORKLOAD_IDENTITY


@pytest.fixture
def projected(tmp_path: Path, entra: Entra) -> Path:
    path = tmp_path / "projected-token"
    path.write_text(entra.assertion())
    return path


def workload(make: MakeTokens, entra: Entra, projected: Path, client: str = CLIENT) -> Tokens:
    return make(
        KIND,
        client_id=client,
        tenant_id=TENANT,
        token_file_path=str(projected),
        authority=entra.host,
    )


def test_the_projected_token_is_exchanged_for_one_of_the_application(
    entra: Entra, make_tokens: MakeTokens, projected: Path
) -> None:
    tokens = workload(make_tokens, entra, projected)
    assert claims_of(tokens.get_token(tokens.scope).token)["appid"] == CLIENT
    (request,) = entra.requests
    assert request.path == f"/{TENANT}/oauth2/v2.0/token"
    assert request.form["client_assertion"] == projected.read_text()


def test_the_variables_of_the_webhook_are_enough(
    entra: Entra, make_tokens: MakeTokens, projected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(projected))
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", f"{entra.url}/")
    tokens = make_tokens(KIND)
    assert claims_of(tokens.get_token(tokens.scope).token)["appid"] == CLIENT


def test_a_projected_token_that_was_rotated_is_read_again(
    entra: Entra, make_tokens: MakeTokens, projected: Path
) -> None:
    tokens = workload(make_tokens, entra, projected)
    tokens.get_token(tokens.scope)
    projected.write_text(entra.assertion())
    tokens.invalidate()
    tokens.get_token(tokens.scope)
    first, second = (request.form["client_assertion"] for request in entra.requests)
    assert first != second == projected.read_text()


def test_a_projected_token_that_had_ended_is_read_again_on_the_next_try(
    entra: Entra, make_tokens: MakeTokens, projected: Path
) -> None:
    # azure-identity itself would go on with what it read for 10 minutes.
    projected.write_text(entra.assertion(life_seconds=-60))
    tokens = workload(make_tokens, entra, projected)
    with pytest.raises(AuthenticationFailedError, match="AADSTS700024: Client assertion is not"):
        tokens.get_token(tokens.scope)
    projected.write_text(entra.assertion())
    tokens.invalidate()  # or a second later by itself
    assert claims_of(tokens.get_token(tokens.scope).token)["appid"] == CLIENT


def test_an_application_that_is_not_known_is_named(
    entra: Entra, make_tokens: MakeTokens, projected: Path
) -> None:
    tokens = workload(make_tokens, entra, projected, client=TENANT)
    with pytest.raises(AuthenticationFailedError, match=r"AADSTS700016.*federated credential"):
        tokens.get_token(tokens.scope)


def test_a_file_that_is_not_there_is_named(
    entra: Entra, make_tokens: MakeTokens, projected: Path
) -> None:
    projected.unlink()
    tokens = workload(make_tokens, entra, projected)
    with pytest.raises(AuthenticationFailedError, match="projected-token"):
        tokens.get_token(tokens.scope)


def test_an_authority_whose_certificate_is_not_trusted_gets_no_assertion(
    entra: Entra, make_tokens: MakeTokens, projected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    tokens = workload(make_tokens, entra, projected)
    with pytest.raises(AuthenticationFailedError, match="CERTIFICATE_VERIFY_FAILED"):
        tokens.get_token(tokens.scope)
    assert not entra.requests


@pytest.mark.parametrize(
    ("missing", "key", "variable"),
    [
        ("client_id", "ClientID", "AZURE_CLIENT_ID"),
        ("tenant_id", "TenantId", "AZURE_TENANT_ID"),
        ("token_file_path", "TokenFilePath", "AZURE_FEDERATED_TOKEN_FILE"),
    ],
)
def test_what_is_missing_is_named_by_key_option_and_variable(
    make_tokens: MakeTokens, missing: str, key: str, variable: str
) -> None:
    details = {"client_id": CLIENT, "tenant_id": TENANT, "token_file_path": "somewhere"}
    del details[missing]
    with pytest.raises(ConfigurationError, match=f"{key} is missing.*{missing}=.*{variable}"):
        make_tokens(KIND, **details)
