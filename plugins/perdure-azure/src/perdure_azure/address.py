"""Which scheduler and hub, and as whom: what ``PERDURE_BACKEND=azure…`` and the variables say."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from perdure.errors import ConfigurationError
from perdure_azure.clouds import audience_of, authority_of
from perdure_azure.credentials import Authentication, AuthenticationKind
from perdure_azure.endpoint import is_loopback, parse_endpoint
from perdure_azure.settings import ENDPOINT, OPTIONS, read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perdure_azure.endpoint import Endpoint
    from perdure_azure.settings import Given

_KINDS: Final = {kind.lower(): kind for kind in AuthenticationKind}
# Kinds of other languages' SDKs, which azure-identity for Python lacks.
_FOREIGN_KINDS: Final = {"visualstudio": "Visual Studio", "intellij": "IntelliJ"}

# What each kind takes. Microsoft's parsers pass over what does not apply; here it is an error, for
# who names an identity wants that one. ResourceId and AuthorityHost go with every kind.
_TAKES: Final[dict[AuthenticationKind, tuple[str, ...]]] = {
    AuthenticationKind.DEFAULT_AZURE: ("client_id", "tenant_id", "additionally_allowed_tenants"),
    AuthenticationKind.MANAGED_IDENTITY: ("client_id",),
    AuthenticationKind.WORKLOAD_IDENTITY: (
        "client_id",
        "tenant_id",
        "token_file_path",
        "additionally_allowed_tenants",
    ),
    AuthenticationKind.ENVIRONMENT: ("additionally_allowed_tenants",),
    AuthenticationKind.AZURE_CLI: ("tenant_id", "additionally_allowed_tenants"),
    AuthenticationKind.AZURE_POWERSHELL: ("tenant_id", "additionally_allowed_tenants"),
    AuthenticationKind.VISUAL_STUDIO_CODE: ("tenant_id", "additionally_allowed_tenants"),
    AuthenticationKind.INTERACTIVE_BROWSER: (
        "client_id",
        "tenant_id",
        "additionally_allowed_tenants",
    ),
    AuthenticationKind.NONE: (),
}
_IDENTITY_OPTIONS: Final = (
    "client_id",
    "tenant_id",
    "token_file_path",
    "additionally_allowed_tenants",
)

# Azure's rule for a task hub's name: azure-rest-api-specs, Microsoft.DurableTask.
_HUB: Final = re.compile(r"[a-zA-Z0-9-]{3,64}")
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_SWITCH: Final = {"on": True, "off": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A task hub of a scheduler, and who we are to it.

    Attributes:
        target: ``host:port``.
        hub: The task hub.
        is_secure: Whether TLS is used.
        authentication: How tokens are come by.
        audience: Whom they are for; a token's scope is this and ``/.default``.
        is_recorded: Whether workers record results of activities that may run again, too.
    """

    target: str
    hub: str
    is_secure: bool
    authentication: Authentication
    audience: str
    is_recorded: bool = True

    @property
    def is_local(self) -> bool:
        """Whether the scheduler is on this host."""
        return is_loopback(self.target.rpartition(":")[0])


def parse_address(url: str, *, environment: Mapping[str, str] | None = None) -> Address:
    """Return what ``azure`` or ``azure://host/hub``, with options after a ``?``, says.

    Without a host it is what ``DURABLE_TASK_SCHEDULER_CONNECTION_STRING`` says, else ``ENDPOINT``
    and ``TASKHUB``; options go before these. An ``azure://`` URL means TLS, unless the host is
    loopback or the authentication ``None``; ``tls`` decides otherwise. Without any authentication
    named, a plain endpoint on loopback gets none and all others ``DefaultAzure``, as in Microsoft's
    samples.

    Raises:
        ConfigurationError: The URL, or one of the variables, cannot be used.
    """
    variables = os.environ if environment is None else environment
    settings = read_settings(url, variables)
    given = settings[ENDPOINT]
    endpoint = parse_endpoint(given.value, setting=given.setting)
    kind = _kind(settings)
    is_secure = _is_secure(endpoint, kind, settings)
    if kind is None:
        is_open = endpoint.is_local and not is_secure
        kind = AuthenticationKind.NONE if is_open else AuthenticationKind.DEFAULT_AZURE
    _check_transport(endpoint, kind, is_secure=is_secure, settings=settings)
    return Address(
        target=endpoint.target(is_secure=is_secure),
        hub=_hub(settings),
        is_secure=is_secure,
        authentication=_authentication(kind, settings, variables),
        audience=audience_of(
            _value(settings, "audience"),
            setting=_setting(settings, "audience"),
            environment=variables,
        ),
        is_recorded=_is_recorded(settings),
    )


def _kind(settings: Mapping[str, Given]) -> AuthenticationKind | None:
    given = settings.get("authentication")
    if given is None:
        return None
    name = given.value.lower()
    if name in _KINDS:
        return _KINDS[name]
    known = ", ".join(AuthenticationKind)
    problem = f"unknown kind {given.value!r}; known: {known}"
    if name in _FOREIGN_KINDS:
        problem = f"{_FOREIGN_KINDS[name]} gives no tokens to Python; use one of {known}"
    raise ConfigurationError(setting=given.setting, problem=problem)


def _is_secure(
    endpoint: Endpoint, kind: AuthenticationKind | None, settings: Mapping[str, Given]
) -> bool:
    if "tls" in settings:
        given = settings["tls"]
        if given.value.lower() not in _BOOLEANS:
            problem = f"{given.value!r} is neither true nor false"
            raise ConfigurationError(setting=given.setting, problem=problem)
        return _BOOLEANS[given.value.lower()]
    if endpoint.is_secure is not None:
        return endpoint.is_secure
    return not endpoint.is_local and kind is not AuthenticationKind.NONE


def _is_recorded(settings: Mapping[str, Given]) -> bool:
    given = settings.get("record")
    if given is None:
        return True
    if given.value not in _SWITCH:
        raise ConfigurationError(setting=given.setting, problem=f"{given.value!r}: say on or off")
    return _SWITCH[given.value]


def _check_transport(
    endpoint: Endpoint,
    kind: AuthenticationKind,
    *,
    is_secure: bool,
    settings: Mapping[str, Given],
) -> None:
    is_harmless = is_secure or endpoint.is_local or kind is AuthenticationKind.NONE
    if is_harmless or "tls" in settings:
        return
    problem = (
        f"http:// to {endpoint.host} would send tokens ({kind}) unencrypted; use https://, or "
        "Authentication=None (authentication=None in the URL) for an emulator, or the URL's option "
        "tls=false if you mean it"
    )
    raise ConfigurationError(setting=settings[ENDPOINT].setting, problem=problem)


def _hub(settings: Mapping[str, Given]) -> str:
    given = settings.get("hub")
    if given is None:
        setting = settings[ENDPOINT].setting
        problem = (
            "names no task hub; use TaskHub=… in the connection string, azure://HOST/HUB, the "
            "option hub=…, PERDURE_HUB or TASKHUB_NAME"
        )
        raise ConfigurationError(setting=setting, problem=problem)
    if not _HUB.fullmatch(given.value):
        problem = f"{given.value!r} is no task hub's name: 3 to 64 of letters, digits and '-'"
        raise ConfigurationError(setting=given.setting, problem=problem)
    return given.value


def _authentication(
    kind: AuthenticationKind, settings: Mapping[str, Given], variables: Mapping[str, str]
) -> Authentication:
    taken = _TAKES[kind]
    for option in _IDENTITY_OPTIONS:
        if option in settings and option not in taken:
            known = (
                ", ".join(f"{OPTIONS[name]} ({name})" for name in taken) or "nothing of the kind"
            )
            problem = f"does not go with Authentication={kind}, which takes {known}"
            raise ConfigurationError(setting=settings[option].setting, problem=problem)
    tenants = (_value(settings, "additionally_allowed_tenants") or "").split(",")
    return Authentication(
        kind=kind,
        client_id=_value(settings, "client_id") or "",
        tenant_id=_value(settings, "tenant_id") or "",
        token_file_path=_value(settings, "token_file_path") or "",
        additionally_allowed_tenants=tuple(part.strip() for part in tenants if part.strip()),
        authority=authority_of(
            _value(settings, "authority"),
            setting=_setting(settings, "authority"),
            environment=variables,
        ),
    )


def _value(settings: Mapping[str, Given], option: str) -> str | None:
    given = settings.get(option)
    return None if given is None else given.value


def _setting(settings: Mapping[str, Given], option: str) -> str:
    given = settings.get(option)
    return "" if given is None else given.setting
