"""Who we are: the ways to an Entra token that a connection string can name, by azure-identity.

azure-identity reads its own variables (``AZURE_CLIENT_ID`` and others). What the address says goes
before them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypedDict

from perdure.errors import ConfigurationError
from perdure_azure.clouds import WELL_KNOWN_AUTHORITIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.core.credentials import TokenCredential

# The Azure CLI starts slowly on a cold machine; azure-identity's own limit is 10 seconds.
_PROGRAM_SECONDS: Final = 30

_ENVIRONMENT_CHOICES: Final = (
    ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"),
    ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_CERTIFICATE_PATH"),
    ("AZURE_CLIENT_ID", "AZURE_USERNAME", "AZURE_PASSWORD"),
)


class AuthenticationKind(StrEnum):
    """A way to a token, as a connection string names it."""

    DEFAULT_AZURE = "DefaultAzure"
    MANAGED_IDENTITY = "ManagedIdentity"
    WORKLOAD_IDENTITY = "WorkloadIdentity"
    ENVIRONMENT = "Environment"
    AZURE_CLI = "AzureCli"
    AZURE_POWERSHELL = "AzurePowerShell"
    VISUAL_STUDIO_CODE = "VisualStudioCode"
    INTERACTIVE_BROWSER = "InteractiveBrowser"
    NONE = "None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """How tokens are come by.

    Attributes:
        kind: The way.
        client_id: The identity or the application; ``""`` is azure-identity's default.
        tenant_id: The directory; likewise.
        token_file_path: The file with the workload's own token; likewise.
        additionally_allowed_tenants: Further directories that a token may be asked of.
        authority: The host that issues tokens; likewise.
    """

    kind: AuthenticationKind
    client_id: str = ""
    tenant_id: str = ""
    token_file_path: str = ""
    additionally_allowed_tenants: tuple[str, ...] = ()
    authority: str = ""


class _ProgramOptions(TypedDict, total=False):
    """Arguments of azure-identity's classes that run a program."""

    additionally_allowed_tenants: list[str]
    process_timeout: int
    tenant_id: str


class _Options(TypedDict, total=False):
    """Arguments of its other classes."""

    additionally_allowed_tenants: list[str]
    authority: str
    client_id: str
    disable_instance_discovery: bool
    managed_identity_client_id: str
    tenant_id: str
    token_file_path: str
    workload_identity_client_id: str
    workload_identity_tenant_id: str


def make_credential(authentication: Authentication) -> TokenCredential | None:
    """Return a credential, or None for anonymous access. Asks for no token yet.

    Raises:
        ConfigurationError: Something that this way needs is not set.
    """
    make = _MAKERS[authentication.kind]
    try:
        return make(authentication)
    except ValueError as error:
        if isinstance(error, ConfigurationError):
            raise
        setting = f"Authentication={authentication.kind}"
        raise ConfigurationError(setting=setting, problem=str(error)) from error


def _none(_: Authentication) -> None:
    return None


def _default(authentication: Authentication) -> TokenCredential:
    from azure.identity import DefaultAzureCredential

    options = _authority(authentication) | _tenants(authentication)
    if authentication.client_id:
        options["managed_identity_client_id"] = authentication.client_id
        options["workload_identity_client_id"] = authentication.client_id
    if authentication.tenant_id:
        options["workload_identity_tenant_id"] = authentication.tenant_id
    return DefaultAzureCredential(**options)


def _managed_identity(authentication: Authentication) -> TokenCredential:
    from azure.identity import ManagedIdentityCredential

    return ManagedIdentityCredential(client_id=authentication.client_id or None)


def _workload_identity(authentication: Authentication) -> TokenCredential:
    from azure.identity import WorkloadIdentityCredential

    for value, key, option, variable in (
        (authentication.client_id, "ClientID", "client_id", "AZURE_CLIENT_ID"),
        (authentication.tenant_id, "TenantId", "tenant_id", "AZURE_TENANT_ID"),
        (
            authentication.token_file_path,
            "TokenFilePath",
            "token_file_path",
            "AZURE_FEDERATED_TOKEN_FILE",
        ),
    ):
        if not value and not os.environ.get(variable):
            problem = (
                f"{key} is missing: give it in the connection string, as {option}=… in the URL, or "
                f"by {variable}, which the workload identity webhook of Kubernetes sets"
            )
            setting = f"Authentication={authentication.kind}"
            raise ConfigurationError(setting=setting, problem=problem)
    options = _authority(authentication) | _identity(authentication) | _tenants(authentication)
    if authentication.token_file_path:
        options["token_file_path"] = authentication.token_file_path
    return WorkloadIdentityCredential(**options)


def _environment(authentication: Authentication) -> TokenCredential:
    from azure.identity import EnvironmentCredential

    missing = [
        [variable for variable in choice if variable not in os.environ]
        for choice in _ENVIRONMENT_CHOICES
    ]
    if all(missing):
        nearest = min(missing[:2], key=len)
        problem = (
            f"{', '.join(nearest)} not set; a service principal takes "
            f"{', '.join(_ENVIRONMENT_CHOICES[0])}, or a certificate by "
            f"{_ENVIRONMENT_CHOICES[1][-1]} in place of the secret"
        )
        setting = f"Authentication={authentication.kind}"
        raise ConfigurationError(setting=setting, problem=problem)
    return EnvironmentCredential(**(_authority(authentication) | _tenants(authentication)))


def _azure_cli(authentication: Authentication) -> TokenCredential:
    from azure.identity import AzureCliCredential

    return AzureCliCredential(**_program(authentication))


def _azure_powershell(authentication: Authentication) -> TokenCredential:
    from azure.identity import AzurePowerShellCredential

    return AzurePowerShellCredential(**_program(authentication))


def _visual_studio_code(authentication: Authentication) -> TokenCredential:
    from azure.identity import VisualStudioCodeCredential

    options = _tenants(authentication)
    if authentication.tenant_id:
        options["tenant_id"] = authentication.tenant_id
    return VisualStudioCodeCredential(**options)


def _interactive_browser(authentication: Authentication) -> TokenCredential:
    from azure.identity import InteractiveBrowserCredential

    options = _authority(authentication) | _identity(authentication) | _tenants(authentication)
    return InteractiveBrowserCredential(**options)


def _authority(authentication: Authentication) -> _Options:
    if not authentication.authority:
        return {}
    if authentication.authority in WELL_KNOWN_AUTHORITIES:
        return {"authority": authentication.authority}
    return {"authority": authentication.authority, "disable_instance_discovery": True}


def _identity(authentication: Authentication) -> _Options:
    options: _Options = {}
    if authentication.client_id:
        options["client_id"] = authentication.client_id
    if authentication.tenant_id:
        options["tenant_id"] = authentication.tenant_id
    return options


def _tenants(authentication: Authentication) -> _Options:
    if not authentication.additionally_allowed_tenants:
        return {}
    return {"additionally_allowed_tenants": list(authentication.additionally_allowed_tenants)}


def _program(authentication: Authentication) -> _ProgramOptions:
    options: _ProgramOptions = {"process_timeout": _PROGRAM_SECONDS}
    tenants = authentication.additionally_allowed_tenants
    if tenants:
        options["additionally_allowed_tenants"] = list(tenants)
    if authentication.tenant_id:
        options["tenant_id"] = authentication.tenant_id
    return options


_MAKERS: Final[dict[AuthenticationKind, Callable[[Authentication], TokenCredential | None]]] = {
    AuthenticationKind.DEFAULT_AZURE: _default,
    AuthenticationKind.MANAGED_IDENTITY: _managed_identity,
    AuthenticationKind.WORKLOAD_IDENTITY: _workload_identity,
    AuthenticationKind.ENVIRONMENT: _environment,
    AuthenticationKind.AZURE_CLI: _azure_cli,
    AuthenticationKind.AZURE_POWERSHELL: _azure_powershell,
    AuthenticationKind.VISUAL_STUDIO_CODE: _visual_studio_code,
    AuthenticationKind.INTERACTIVE_BROWSER: _interactive_browser,
    AuthenticationKind.NONE: _none,
}
