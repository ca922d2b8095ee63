"""Faults: what the sidecar and gRPC answer, as perdure's errors, or as signs to act upon."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from perdure.errors import (
    AuthenticationFailedError,
    BackendUnavailableError,
    InstanceNotFoundError,
    PayloadTooLargeError,
)
from perdure.spi.remote.attempts import NoAnswerError

if TYPE_CHECKING:
    import grpc

    from perdure_dapr.address import Address

NAME: Final = "dapr"
START_HINT: Final = "start one with 'perdure stack up dapr', or check PERDURE_BACKEND"

_TOO_LARGE: Final = re.compile(r"message (?:is )?larger than max \((\d+) vs\.? (\d+)\)")
_FULL: Final = ("disk is full", "No space left on device")
_UNHOSTED: Final = ("not registered", "did not find address", "failed to create actor")
_REFUSED: Final = ("failed to connect", "connection refused", "name resolution")


class NotHostedError(Exception):
    """No sidecar takes calls for workflows now, since no worker is connected. Nothing was done."""


class TakenError(Exception):
    """An active instance has the id. Nothing was done."""


class AwaitingActivityError(Exception):
    """A terminated instance has the id, and waits for an activity that runs. Nothing was done."""


class StalledError(Exception):
    """The sidecar itself holds the instance, and takes no events for it. Nothing was done."""


class TornReadError(BackendUnavailableError):
    """An instance is not whole in the state store.

    For a moment, when it was read while a turn was being stored; for ever, if the sidecar died or
    failed at a bad moment, which is a fault of daprd 1.18.
    """


def translate(
    error: grpc.aio.AioRpcError, *, address: Address, action: str, instance_id: str = ""
) -> Exception:
    """Return the error to raise in the place of gRPC's.

    Args:
        error: What gRPC raised.
        address: The sidecar.
        action: What was asked for, as in "raise an event".
        instance_id: For which instance.
    """
    details = " ".join((error.details() or "").split())
    code = error.code().name
    if code in {"UNAUTHENTICATED", "PERMISSION_DENIED"}:
        return _refused(details, address)
    if code == "UNAVAILABLE":
        return _unreachable(details, address)
    if code in {"DEADLINE_EXCEEDED", "CANCELLED"}:
        problem = f"the sidecar at {address.target} did not answer in time to {action}"
        return NoAnswerError(backend=NAME, problem=problem, was_sent=True, is_late=True)
    if match := _TOO_LARGE.search(details):
        size, limit = int(match[1]), int(match[2])
        remedy = "start the sidecar with a larger --max-body-size, or set PERDURE_PAYLOADS"
        return PayloadTooLargeError(what=f"to {action}", size=size, limit=limit, remedy=remedy)
    if "missing from state store" in details:
        return TornReadError(backend=NAME, problem=_torn(details, action, instance_id))
    problem = f"the sidecar could not {action}: {details or code}"
    if any(text in details for text in _FULL):
        problem += "; make room for its state store, and call again"
    return _sign(details, instance_id) or BackendUnavailableError(backend=NAME, problem=problem)


def _torn(details: str, action: str, instance_id: str) -> str:
    return (
        f"the sidecar could not {action}: {details}. If this stays so, the instance was damaged by "
        "a fault of daprd 1.18: it does not go on, a restart does not help, and the sidecar cannot "
        "purge it; delete its rows from the state store, whose keys hold "
        f"'.workflow||{instance_id}||'"
    )


def _sign(details: str, instance_id: str) -> Exception | None:
    if "no such instance" in details or ("workflow instance" in details and "not found" in details):
        return InstanceNotFoundError(instance_id=instance_id)
    if "an active workflow with ID" in details:
        return TakenError(details)
    if "awaiting an activity result" in details:
        return AwaitingActivityError(details)
    if "is stalled" in details:
        return StalledError(details)
    if any(text in details for text in _UNHOSTED):
        return NotHostedError(details)
    return None


def _refused(details: str, address: Address) -> AuthenticationFailedError:
    token = "a wrong token" if address.token else "no token"
    problem = (
        f"the sidecar at {address.target} was shown {token} ({details or 'no details'}); "
        "set DAPR_API_TOKEN to the one that the sidecar was started with"
    )
    return AuthenticationFailedError(backend=NAME, problem=problem)


def _unreachable(details: str, address: Address) -> NoAnswerError:
    was_sent = not any(text in details.lower() for text in _REFUSED)
    problem = (
        f"the Dapr sidecar at {address.target} cannot be reached ({details or 'unavailable'}); "
        f"{START_HINT}"
    )
    return NoAnswerError(backend=NAME, problem=problem, was_sent=was_sent)
