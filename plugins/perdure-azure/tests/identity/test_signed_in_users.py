"""Whoever is signed in on this machine: by the Azure CLI, by PowerShell, by Visual Studio Code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure_kit.entra import TENANT
from azure_kit.signing import now_seconds

from perdure.errors import AuthenticationFailedError
from perdure_azure.credentials import AuthenticationKind

if TYPE_CHECKING:
    from azure_kit.programs import Programs
    from azure_kit.signing import Signer

    from .conftest import MakeTokens

CLI = AuthenticationKind.AZURE_CLI
POWERSHELL = AuthenticationKind.AZURE_POWERSHELL
CODE = AuthenticationKind.VISUAL_STUDIO_CODE


def test_the_azure_cli_is_asked_for_the_audience(
    programs: Programs, signer: Signer, make_tokens: MakeTokens
) -> None:
    token = signer.token()
    programs.add_az(token, expires_on=now_seconds() + 3600)
    tokens = make_tokens(CLI)
    assert tokens.get_token(tokens.scope).token == token
    (arguments,) = programs.calls("az")
    assert arguments[:2] == ["account", "get-access-token"]
    assert arguments[arguments.index("--resource") + 1] == "https://durabletask.io"
    assert "--tenant" not in arguments


def test_the_azure_cli_is_run_once_for_many_calls(
    programs: Programs, signer: Signer, make_tokens: MakeTokens
) -> None:
    programs.add_az(signer.token(), expires_on=now_seconds() + 3600)
    tokens = make_tokens(CLI)
    assert len({tokens.get_token(tokens.scope).token for _ in range(50)}) == 1
    assert len(programs.calls("az")) == 1


def test_a_tenant_is_passed_on_to_the_azure_cli(
    programs: Programs, signer: Signer, make_tokens: MakeTokens
) -> None:
    programs.add_az(signer.token(), expires_on=now_seconds() + 3600)
    tokens = make_tokens(CLI, tenant_id=TENANT)
    tokens.get_token(tokens.scope)
    (arguments,) = programs.calls("az")
    assert arguments[arguments.index("--tenant") + 1] == TENANT


def test_an_azure_cli_without_a_user_says_to_log_in(
    programs: Programs, make_tokens: MakeTokens
) -> None:
    programs.add_az_without_user()
    tokens = make_tokens(CLI)
    with pytest.raises(AuthenticationFailedError, match=r"no token \(AzureCli\).*az login"):
        tokens.get_token(tokens.scope)


def test_a_missing_azure_cli_is_said_to_be_missing(make_tokens: MakeTokens) -> None:
    tokens = make_tokens(CLI)
    with pytest.raises(AuthenticationFailedError, match="Azure CLI not found on path; install"):
        tokens.get_token(tokens.scope)


def test_powershell_is_asked_for_the_audience(
    programs: Programs, signer: Signer, make_tokens: MakeTokens
) -> None:
    token = signer.token()
    programs.add_pwsh(token, expires_on=now_seconds() + 3600)
    tokens = make_tokens(POWERSHELL, tenant_id=TENANT)
    assert tokens.get_token(tokens.scope).token == token
    assert "'ResourceUrl' = 'https://durabletask.io'" in programs.script()
    assert TENANT in programs.script()


def test_a_powershell_without_its_module_is_said_to_lack_it(
    programs: Programs, make_tokens: MakeTokens
) -> None:
    programs.add_pwsh_without_module()
    tokens = make_tokens(POWERSHELL)
    with pytest.raises(AuthenticationFailedError, match=r"Az\.Account module .* is not installed"):
        tokens.get_token(tokens.scope)


def test_a_powershell_without_a_user_says_to_connect(
    programs: Programs, make_tokens: MakeTokens
) -> None:
    programs.add_pwsh_without_user()
    tokens = make_tokens(POWERSHELL)
    with pytest.raises(AuthenticationFailedError, match="run: Connect-AzAccount"):
        tokens.get_token(tokens.scope)


def test_a_missing_powershell_is_said_to_be_missing(make_tokens: MakeTokens) -> None:
    tokens = make_tokens(POWERSHELL)
    with pytest.raises(AuthenticationFailedError, match="PowerShell is not installed; install"):
        tokens.get_token(tokens.scope)


def test_visual_studio_code_without_a_broker_says_what_it_takes(make_tokens: MakeTokens) -> None:
    tokens = make_tokens(CODE, tenant_id=TENANT)
    with pytest.raises(AuthenticationFailedError, match=r"azure-identity-broker.*or use AzureCli"):
        tokens.get_token(tokens.scope)
