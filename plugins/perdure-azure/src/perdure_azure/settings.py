"""What is said about a scheduler, by a URL, a connection string or variables, and by which of them.

All are brought to one form, a mapping from the options of a URL, so that each rule is kept once and
an error can still name the key or variable at fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from perdure.errors import ConfigurationError
from perdure_azure.connection_string import FORM, parse_connection_string

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

CONNECTION_STRING_VARIABLE: Final = "DURABLE_TASK_SCHEDULER_CONNECTION_STRING"
# Where Azure Functions, and what the Azure CLI hands out for them, put the hub.
FUNCTIONS_HUB_VARIABLE: Final = "TASKHUB_NAME"
# What Microsoft's samples read.
ENDPOINT_VARIABLE: Final = "ENDPOINT"
HUB_VARIABLE: Final = "TASKHUB"
DEFAULT_HUB: Final = "default"

# Each option of a URL, and the key of a connection string that says the same.
OPTIONS: Final = {
    "hub": "TaskHub",
    "authentication": "Authentication",
    "client_id": "ClientID",
    "tenant_id": "TenantId",
    "token_file_path": "TokenFilePath",
    "additionally_allowed_tenants": "AdditionallyAllowedTenants",
    "audience": "ResourceId",
    "authority": "AuthorityHost",
    "tls": "",
    "record": "",
}
ENDPOINT: Final = "endpoint"

_SCHEME: Final = "azure"
_FORM: Final = "azure, azure?hub=HUB, or azure://NAME.REGION.durabletask.io/HUB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A value, and the setting that it comes from."""

    value: str
    setting: str


def read_settings(url: str, variables: Mapping[str, str]) -> dict[str, Given]:
    """Return what is said, by option; that of the endpoint is ``endpoint``.

    A URL that names a host is all there is. Without one, the connection string counts, else the
    samples' two variables, and the URL's options go before them.

    Raises:
        ConfigurationError: The URL, or one of the variables, cannot be read, or nothing says where.
    """
    parts = _split(url)
    shown = f"backend {_shown(parts)}"
    options = _options_of(parts.query, shown)
    if not parts.netloc:
        return _of_variables(variables) | options
    settings = {ENDPOINT: Given(value=f"{_SCHEME}://{parts.netloc}", setting=shown)}
    hub = parts.path.strip("/")
    if hub:
        settings["hub"] = Given(value=hub, setting=shown)
    return settings | options


def _split(url: str) -> SplitResult:
    text = url if "://" in url else url.replace(_SCHEME, f"{_SCHEME}://", 1)
    try:
        parts = urlsplit(text)
    except ValueError as error:
        problem = f"not of the form {_FORM}: {error}"
        raise ConfigurationError(setting="backend", problem=problem) from error
    hub = parts.path.removeprefix("/").removesuffix("/")
    misplaced = "/" in hub or (hub and not parts.netloc) or parts.fragment
    if parts.scheme != _SCHEME or "@" in parts.netloc or misplaced:
        problem = f"{_shown(parts)} is not of the form {_FORM}"
        raise ConfigurationError(setting="backend", problem=problem)
    return parts


def _shown(parts: SplitResult) -> str:
    # Without its options and without what stands before an "@", where people put passwords.
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else parts.scheme


def _options_of(query: str, shown: str) -> dict[str, Given]:
    settings: dict[str, Given] = {}
    for option, value in parse_qsl(query, keep_blank_values=True):
        if option not in OPTIONS:
            problem = f"unknown option {option!r}; known: {', '.join(OPTIONS)}"
            raise ConfigurationError(setting=shown, problem=problem)
        if option in settings:
            raise ConfigurationError(setting=shown, problem=f"the option {option} is given twice")
        settings[option] = Given(value=value.strip(), setting=f"{option} of {shown}")
    return {option: given for option, given in settings.items() if given.value}


def _of_variables(variables: Mapping[str, str]) -> dict[str, Given]:
    text = variables.get(CONNECTION_STRING_VARIABLE, "")
    if text.strip():
        return _hub_beside(variables) | _of_connection_string(text)
    endpoint = variables.get(ENDPOINT_VARIABLE, "").strip()
    if not endpoint:
        problem = (
            f"nothing says where the scheduler is; set {CONNECTION_STRING_VARIABLE} (its form: "
            f"{FORM}), or {ENDPOINT_VARIABLE} and {HUB_VARIABLE}, or use azure://HOST/HUB"
        )
        raise ConfigurationError(setting="backend azure", problem=problem)
    hub = variables.get(HUB_VARIABLE, "").strip() or DEFAULT_HUB
    return {
        ENDPOINT: Given(value=endpoint, setting=ENDPOINT_VARIABLE),
        "hub": Given(value=hub, setting=HUB_VARIABLE),
    }


def _hub_beside(variables: Mapping[str, str]) -> dict[str, Given]:
    """Return the hub that stands beside a connection string, which may lack it."""
    for variable in (FUNCTIONS_HUB_VARIABLE, HUB_VARIABLE):
        if hub := variables.get(variable, "").strip():
            return {"hub": Given(value=hub, setting=variable)}
    return {}


def _of_connection_string(text: str) -> dict[str, Given]:
    values = parse_connection_string(text, setting=CONNECTION_STRING_VARIABLE)
    options = {key: option for option, key in OPTIONS.items()} | {"Endpoint": ENDPOINT}
    return {
        options[key]: Given(value=value, setting=f"{key} of {CONNECTION_STRING_VARIABLE}")
        for key, value in values.items()
    }
