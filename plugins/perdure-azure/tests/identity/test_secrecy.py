"""No token, nor what one is had with, is in a log, an error or a repr."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import pytest
from azure_kit.entra import CLIENT, SECRET, TENANT
from azure_kit.host_identity import HEADER
from azure_kit.signing import now_seconds

from perdure.errors import AuthenticationFailedError
from perdure_azure.credentials import AuthenticationKind

if TYPE_CHECKING:
    from pathlib import Path

    from azure_kit.entra import Entra
    from azure_kit.host_identity import AppService, VirtualMachine
    from azure_kit.programs import Programs
    from azure_kit.signing import Signer

    from perdure_azure.tokens import Tokens

    from .conftest import MakeTokens

# What would be cut out of a token, were a part of it shown.
_PART = 24


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    for name in ("", "azure", "msal", "urllib3", "perdure", "perdure_azure", "durabletask"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def assert_unshown(log: pytest.LogCaptureFixture, tokens: Tokens, *secrets: str) -> None:
    token = tokens.get_token(tokens.scope).token
    tokens.invalidate()
    again = tokens.get_token(tokens.scope).token
    shown = log.text + repr(tokens) + repr(vars(tokens))
    assert "azure" in log.text or "msal" in log.text
    for secret in (token, again, *secrets):
        assert secret[:_PART] not in shown or secret[_PART : 2 * _PART] not in shown
        assert secret[-_PART:] not in shown


def test_of_a_machine(
    machine: VirtualMachine, make_tokens: MakeTokens, log: pytest.LogCaptureFixture
) -> None:
    assert_unshown(log, make_tokens(AuthenticationKind.MANAGED_IDENTITY))
    assert len(machine.requests) == 2


def test_of_an_app(
    app_service: AppService, make_tokens: MakeTokens, log: pytest.LogCaptureFixture
) -> None:
    assert_unshown(log, make_tokens(AuthenticationKind.MANAGED_IDENTITY), HEADER)
    assert len(app_service.requests) == 2


def test_of_a_workload(
    entra: Entra, make_tokens: MakeTokens, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    projected = tmp_path / "projected-token"
    projected.write_text(entra.assertion())
    tokens = make_tokens(
        AuthenticationKind.WORKLOAD_IDENTITY,
        client_id=CLIENT,
        tenant_id=TENANT,
        token_file_path=str(projected),
        authority=entra.host,
    )
    assert_unshown(log, tokens, projected.read_text())


def test_of_a_service_principal(
    entra: Entra,
    make_tokens: MakeTokens,
    log: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
    tokens = make_tokens(AuthenticationKind.ENVIRONMENT, authority=entra.host)
    assert_unshown(log, tokens, SECRET)


@pytest.mark.parametrize("kind", [AuthenticationKind.AZURE_CLI, AuthenticationKind.DEFAULT_AZURE])
def test_of_a_user(
    programs: Programs,
    app_service: AppService,
    signer: Signer,
    make_tokens: MakeTokens,
    log: pytest.LogCaptureFixture,
    kind: AuthenticationKind,
) -> None:
    app_service.is_failing = True
    programs.add_az(signer.token(), expires_on=now_seconds() + 3600)
    assert_unshown(log, make_tokens(kind))


def test_a_token_in_unexpected_output_is_left_out_of_the_error(
    programs: Programs, signer: Signer, make_tokens: MakeTokens
) -> None:
    token = signer.token()
    programs.add_pwsh_that_says(f"Warning: odd. {token}")
    tokens = make_tokens(AuthenticationKind.AZURE_POWERSHELL)
    with pytest.raises(AuthenticationFailedError, match="Unexpected output") as caught:
        tokens.get_token(tokens.scope)
    shown = "".join(traceback.format_exception(caught.value))
    assert "<token>" in shown
    assert token[-_PART:] not in shown
