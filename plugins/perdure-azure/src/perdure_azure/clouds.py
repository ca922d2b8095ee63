"""Which cloud: whom a token is for, and who issues it.

Microsoft's SDKs keep three things apart, and so does this: the scheduler's endpoint (nothing is
inferred from its suffix, ``durabletask.io``, or ``durabletask.azure.us`` in US Government), the
audience that a token is for (``ResourceId`` in a connection string), and the authority that issues
it (``AuthorityHost``). Sources: ``docs/getting-started.md`` and ``access_token_manager.py`` of
microsoft/durabletask-python, ``DurableTaskSchedulerConnectionString.cs`` of
microsoft/durabletask-dotnet.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from perdure.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

AUDIENCE_VARIABLE: Final = "PERDURE_AZURE_AUDIENCE"
AUTHORITY_VARIABLE: Final = "PERDURE_AZURE_AUTHORITY"
# Not ours: azure-identity's own, and what Azure's hosts set.
IDENTITY_AUTHORITY_VARIABLE: Final = "AZURE_AUTHORITY_HOST"
REGION_VARIABLE: Final = "REGION_NAME"

PUBLIC_AUDIENCE: Final = "https://durabletask.io"
GOVERNMENT_AUDIENCE: Final = "https://durabletask.azure.us"

# Hosts whose metadata Microsoft vouches for. Any other is taken on the word of who configured it,
# since asking login.microsoftonline.com about it cannot succeed.
WELL_KNOWN_AUTHORITIES: Final = frozenset(
    {
        "login.chinacloudapi.cn",
        "login.microsoft.com",
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "login.usgovcloudapi.net",
        "login.windows.net",
    }
)

_GOVERNMENT_REGIONS: Final = ("usgov", "usdod")
_SUFFIX: Final = re.compile(r"/+\.default$", re.IGNORECASE)


def audience_of(given: str | None, *, setting: str, environment: Mapping[str, str]) -> str:
    """Return whom tokens are for: what is given, the variable's value, or that of the region.

    Raises:
        ConfigurationError: Nothing is left of the audience without ``/.default``.
    """
    if not given:
        given, setting = environment.get(AUDIENCE_VARIABLE), AUDIENCE_VARIABLE
    if not given:
        region = environment.get(REGION_VARIABLE, "").lower()
        return GOVERNMENT_AUDIENCE if region.startswith(_GOVERNMENT_REGIONS) else PUBLIC_AUDIENCE
    audience = _SUFFIX.sub("", "/" + given.strip().rstrip("/"))[1:].rstrip("/")
    if not audience:
        problem = f"{given!r} is no audience; for example {PUBLIC_AUDIENCE}"
        raise ConfigurationError(setting=setting, problem=problem)
    return audience


def authority_of(given: str | None, *, setting: str, environment: Mapping[str, str]) -> str:
    """Return the host that issues tokens, or ``""`` for azure-identity's own default.

    Raises:
        ConfigurationError: It is no host name, or not to be spoken to over TLS.
    """
    for variable in (AUTHORITY_VARIABLE, IDENTITY_AUTHORITY_VARIABLE):
        if not given:
            given, setting = environment.get(variable), variable
    if not given or not given.strip():
        return ""
    text = given.strip()
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if parts.scheme != "https":
        problem = f"{parts.scheme}:// is not possible: an authority is spoken to over https://"
        raise ConfigurationError(setting=setting, problem=problem)
    if not parts.hostname or parts.username or parts.path.strip("/") or parts.query:
        problem = "it must be a host alone, for example login.microsoftonline.us"
        raise ConfigurationError(setting=setting, problem=problem)
    return parts.netloc.lower()
