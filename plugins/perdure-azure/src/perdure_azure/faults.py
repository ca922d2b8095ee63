"""Faults: what the scheduler and gRPC answer, as perdure's errors, or as signs to act upon.

Which codes and texts the service uses above its limits is not documented: all that are likely are
understood.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from perdure.errors import (
    AuthenticationFailedError,
    BackendUnavailableError,
    ConfigurationError,
    InstanceActiveError,
    InstanceFinishedError,
    InstanceNotFoundError,
    PayloadTooLargeError,
)
from perdure.spi.remote.attempts import NoAnswerError
from perdure.types import Status

if TYPE_CHECKING:
    import grpc

    from perdure_azure.address import Address
    from perdure_azure.tokens import Tokens

NAME: Final = "azure"
LIMIT_BYTES: Final = 1_048_576
RETRY_HEADER: Final = "retry-after-ms"

_OVERSIZED: Final = re.compile(r"(the .{1,80}?) has \d+ bytes")
_TO_A_STORE: Final = "set PERDURE_PAYLOADS, so that large payloads go to a store"
_SIZES: Final = re.compile(r"\(?(\d{6,})\D+(\d{6,})")
_TOO_LARGE: Final = (
    "larger than max",
    "too large",
    "exceeds the maximum",
    "payload size",
    "limit for each payload",
)
_REFUSED: Final = ("failed to connect", "connection refused", "name resolution", "dns resolution")
_NO_TLS: Final = ("wrong_version_number", "ssl", "tls", "handshake", "certificate")
PURGING: Final = "purge"
ANSWERING: Final = "take an answer"
_ROLES: Final = (
    "Durable Task Data Contributor for workers and clients, Durable Task Data Reader to look only, "
    "on the scheduler or its task hub"
)


class TakenError(Exception):
    """An instance has the id. Nothing was done."""


class StaleItemError(Exception):
    """A work item was given up meanwhile, and somebody else has it. Nothing was done."""


class ThrottledError(BackendUnavailableError):
    """The scheduler takes no more actions this second. Nothing was done.

    Attributes:
        retry_after_seconds: When it will, if it said so.
    """

    def __init__(self, *, problem: str, retry_after_seconds: float) -> None:
        super().__init__(backend=NAME, problem=problem)
        self.retry_after_seconds = retry_after_seconds


class RefusedTokenError(AuthenticationFailedError):
    """The scheduler refuses the token. A new one may do."""


def translate(
    error: grpc.aio.AioRpcError,
    *,
    address: Address,
    tokens: Tokens,
    action: str,
    instance_id: str = "",
) -> Exception:
    """Return the error to raise in the place of gRPC's.

    Args:
        error: What gRPC raised.
        address: The scheduler.
        tokens: Whose token it was shown.
        action: What was asked for, as in "raise an event".
        instance_id: For which instance.
    """
    details = " ".join((error.details() or "").split())
    code = error.code().name
    where = f"the scheduler at {address.target}"
    match code:
        case "UNAUTHENTICATED":
            return _unauthenticated(details, address, tokens)
        case "PERMISSION_DENIED":
            return _forbidden(details, address)
        case "UNAVAILABLE":
            return _unreachable(details, address)
        case "DEADLINE_EXCEEDED" | "CANCELLED":
            problem = f"{where} did not answer in time to {action}"
            return NoAnswerError(backend=NAME, problem=problem, was_sent=True, is_late=True)
        case "ALREADY_EXISTS":
            return TakenError(details)
    if code == "NOT_FOUND":
        return _missing(details, address, action, instance_id)
    if any(text in details.lower() for text in _TOO_LARGE):
        return _too_large(details, action)
    if code == "RESOURCE_EXHAUSTED":
        problem = f"{where} takes no more actions for now ({details or 'no details'})"
        return ThrottledError(problem=problem, retry_after_seconds=_retry_after(error))
    if code == "FAILED_PRECONDITION" and instance_id:
        refused = InstanceActiveError if action == PURGING else InstanceFinishedError
        return refused(instance_id=instance_id, status=Status.UNKNOWN, action=action)
    problem = f"{where} could not {action}: {details or code}"
    return BackendUnavailableError(backend=NAME, problem=problem)


def _unauthenticated(details: str, address: Address, tokens: Tokens) -> RefusedTokenError:
    shown = "no token" if tokens.is_anonymous else "a token that it refuses"
    advice = tokens.explain_refusal(details) or (
        "name an Authentication other than None" if tokens.is_anonymous else "see its text"
    )
    problem = f"the scheduler at {address.target} was shown {shown} ({details}); {advice}"
    return RefusedTokenError(backend=NAME, problem=problem)


def _forbidden(details: str, address: Address) -> AuthenticationFailedError:
    problem = (
        f"the identity ({address.authentication.kind}) has no right to this on hub "
        f"{address.hub!r} of the scheduler at {address.target} ({details or 'no details'}). It "
        f"needs a role: {_ROLES}; a new role may take minutes. Or the scheduler's IP allow list "
        "leaves this address out"
    )
    return AuthenticationFailedError(backend=NAME, problem=problem)


def _missing(details: str, address: Address, action: str, instance_id: str) -> Exception:
    if action == ANSWERING:
        return StaleItemError(details)
    # What is not found can be the hub or the instance; in which words is not documented.
    if "hub" in details.lower() or not instance_id:
        problem = (
            f"the scheduler at {address.target} has no task hub {address.hub!r} "
            f"({details or 'not found'}); az durabletask taskhub list shows those it has"
        )
        return ConfigurationError(setting="hub", problem=problem)
    return InstanceNotFoundError(instance_id=instance_id)


def _too_large(details: str, action: str) -> PayloadTooLargeError:
    found = _SIZES.search(details)
    size, limit = (int(found[1]), int(found[2])) if found else (LIMIT_BYTES + 1, LIMIT_BYTES)
    named = _OVERSIZED.match(details)
    what = named[1] if named else f"what was sent to {action} ({details})"
    # A custom status is there to be seen by any tool, so it goes to no store.
    remedy = "show less" if "custom status" in what else _TO_A_STORE
    return PayloadTooLargeError(what=what, size=size, limit=limit, remedy=remedy)


def _unreachable(details: str, address: Address) -> NoAnswerError:
    text = details.lower()
    was_sent = not any(each in text for each in _REFUSED)
    hint = "check the endpoint, and that this host may reach it"
    if address.is_local:
        hint = "start a local stand-in with 'perdure stack up azure', or check the endpoint"
    if any(each in text for each in _NO_TLS):
        scheme = "https" if address.is_secure else "http"
        other = "does it speak TLS at all?" if address.is_secure else "does it want https://?"
        hint = f"the endpoint is spoken to by {scheme}; {other}"
    elif not was_sent and "socket closed" in text and not address.is_secure:
        hint = f"{hint}; or does it want https:// (tls=true in a URL)?"
    problem = f"the scheduler at {address.target} cannot be reached ({details}); {hint}"
    return NoAnswerError(backend=NAME, problem=problem, was_sent=was_sent)


def _retry_after(error: grpc.aio.AioRpcError) -> float:
    told: dict[str, str | bytes] = {}
    for metadata in (error.initial_metadata(), error.trailing_metadata()):
        told.update(metadata or ())
    try:
        return float(told.get(RETRY_HEADER, 0)) / 1_000
    except ValueError:
        return 0.0
