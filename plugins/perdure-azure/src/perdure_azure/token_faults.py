"""Why there is no token, or why the scheduler refuses one: in few words, and what to do."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from perdure.errors import AuthenticationFailedError
from perdure_azure.credentials import AuthenticationKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from perdure_azure.credentials import Authentication

BACKEND: Final = "azure"

_LONGEST_CAUSE: Final = 400
_LONGEST_CAUSE_IN_A_LIST: Final = 160

_REMEDIES: Final = {
    AuthenticationKind.DEFAULT_AZURE: (
        "log in (az login), or name one way to a token with Authentication=… (authentication=… in "
        "the URL)"
    ),
    AuthenticationKind.MANAGED_IDENTITY: (
        "assign an identity to this host, and let ClientID be its client id unless it is the "
        "system-assigned one; outside Azure use another kind, such as AzureCli"
    ),
    AuthenticationKind.WORKLOAD_IDENTITY: (
        "check ClientID, TenantId, the token file, and the federated credential of that "
        "application or identity (issuer, subject)"
    ),
    AuthenticationKind.ENVIRONMENT: (
        "check AZURE_TENANT_ID, AZURE_CLIENT_ID, and that AZURE_CLIENT_SECRET or the certificate "
        "has not run out"
    ),
    AuthenticationKind.AZURE_CLI: "install the Azure CLI if it is not, and run: az login",
    AuthenticationKind.AZURE_POWERSHELL: (
        "install PowerShell and its module Az.Accounts if they are not, and run: Connect-AzAccount"
    ),
    AuthenticationKind.VISUAL_STUDIO_CODE: (
        "install azure-identity-broker (it works on Windows and WSL alone) and sign in by the "
        "Azure Resources extension, or use AzureCli"
    ),
    AuthenticationKind.INTERACTIVE_BROWSER: (
        "a browser must open on this machine and the user sign in within 5 minutes; elsewhere use "
        "AzureCli"
    ),
    AuthenticationKind.NONE: "name one way to a token with Authentication=…",
}

# "Visit https://… to troubleshoot this issue.", "To mitigate this issue, please refer to …"
_POINTERS: Final = re.compile(
    r"(Visit|See the troubleshooting guide|To mitigate this issue|For more information)"
    r"[^\n]*?https?://\S+( to troubleshoot this issue\.?)?",
    re.IGNORECASE,
)
# A token, wherever a message quotes what a program or an endpoint gave. All of Entra's begin so.
_TOKEN: Final = re.compile(r"eyJ[\w-]{8,}(?:\.[\w-]+)*")
_ATTEMPTS: Final = "Attempted credentials:"

_TOO_EARLY: Final = re.compile(r"not (?:yet |currently )?valid|not before|\bnbf\b|IDX10222", re.I)
_TOO_LATE: Final = re.compile(r"expired|lifetime|\bexp\b|IDX10223", re.I)
_AUDIENCE: Final = re.compile(r"audience|\baud\b|IDX10214", re.I)


def no_token(authentication: Authentication, error: Exception) -> AuthenticationFailedError:
    """Return the error that says why no token could be had: the way, the cause, what to do."""
    remedy = _REMEDIES[authentication.kind]
    text = _message(error)
    if _ATTEMPTS in text:
        causes = "".join(f"\n  {line}" for line in _attempts(text))
        problem = f"no token ({authentication.kind}), for none of these has one:{causes}\n{remedy}"
    else:
        cause = one_line(text) or type(error).__name__
        problem = f"no token ({authentication.kind}): {cause.rstrip('.')}; {remedy}"
    return AuthenticationFailedError(backend=BACKEND, problem=problem)


def cause_of(error: Exception) -> str:
    """Return what ``error`` says, in one line."""
    text = _message(error)
    if _ATTEMPTS in text:
        return one_line("; ".join(_attempts(text)))
    return one_line(text) or type(error).__name__


def has_secret(error: BaseException) -> bool:
    """Return whether the text of ``error``, or of what caused it, holds a token."""
    link: BaseException | None = error
    while link is not None:
        if _TOKEN.search(str(link)) or _TOKEN.search(repr(link)):
            return True
        link = link.__cause__ or link.__context__
    return False


def one_line(text: str, *, longest: int = _LONGEST_CAUSE) -> str:
    """Return ``text`` in one line, without tokens and without pointers to troubleshooting pages."""
    line = " ".join(_TOKEN.sub("<token>", _POINTERS.sub("", text)).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def explain_refusal(
    detail: str, *, audience: str, now: datetime, expires_at: datetime | None
) -> str:
    """Return what to do about a token that was refused with ``detail``, or ``""`` if unknown.

    Args:
        detail: What the scheduler said.
        audience: Whom the token is for.
        now: What this machine's clock says.
        expires_at: When the token ends, by what issued it.
    """
    if _TOO_EARLY.search(detail):
        return (
            f"the token is of just now; this machine's clock says {_shown(now)}: compare it, and "
            "the scheduler's if that is a stand-in, with the true time"
        )
    if _TOO_LATE.search(detail):
        if expires_at is None or expires_at <= now:
            return "the next call gets a new token"
        left = timedelta(seconds=int((expires_at - now).total_seconds()))
        return (
            f"by this machine's clock ({_shown(now)}) the token is good for {left} more, so that "
            "clock is slow, or the scheduler's fast: compare it with the true time"
        )
    if _AUDIENCE.search(detail):
        return (
            f"the token is for {audience}; another cloud or a private one needs its own: "
            "ResourceId in the connection string, audience=… in the URL, or PERDURE_AZURE_AUDIENCE"
        )
    return ""


def _message(error: Exception) -> str:
    # str() of azure-core's errors appends the body of the response.
    message = getattr(error, "message", None)
    return message if isinstance(message, str) and message else str(error)


def _attempts(text: str) -> Iterator[str]:
    listed = _POINTERS.sub("", text.partition(_ATTEMPTS)[2])
    for attempt in listed.split("\n\t"):
        name, _, cause = attempt.strip().partition(": ")
        if name:
            cause = cause.removeprefix(f"{name} authentication unavailable.").strip() or "failed"
            yield f"{name}: {one_line(cause, longest=_LONGEST_CAUSE_IN_A_LIST)}"


def _shown(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
