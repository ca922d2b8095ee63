"""What went wrong with a model call: any client's exception, sorted into a few kinds, as data.

Clients of all makers raise exceptions of their own, often inside one of the framework's. They are
told apart by what nearly all of them carry (a status, a code, headers) and by the names of their
classes, so that no maker's package is imported.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from perdure.clock import SystemClock, to_us
from perdure.types import type_name
from perdure_agent_framework.errors import AgentNotRegisteredError
from perdure_agent_framework.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from perdure import ActivityError
    from perdure.clock import Clock
    from perdure_agent_framework.policies import ModelErrorKind

_MOST_CAUSES = 8
_MOST_CHARACTERS = 1_000

_BY_CODE: dict[str, ModelErrorKind] = {
    "billing_hard_limit_reached": "quota",
    "content_filter": "content_filter",
    "content_policy_violation": "content_filter",
    "context_length_exceeded": "context_length",
    "insufficient_quota": "quota",
    "invalid_api_key": "authentication",
    "overloaded_error": "server_error",
    "rate_limit_error": "rate_limited",
    "rate_limit_exceeded": "rate_limited",
    "server_error": "server_error",
    "string_above_max_length": "context_length",
}
_BY_STATUS: dict[int, ModelErrorKind] = {
    401: "authentication",
    402: "quota",
    403: "authentication",
    408: "timeout",
    # A conflict over a lock of the service's own, over in a moment.
    409: "server_error",
    413: "context_length",
    429: "rate_limited",
    504: "timeout",
}
# Classes of the framework, openai, anthropic, httpx, aiohttp, and built-in ones, without modules.
_BY_CLASS: tuple[tuple[re.Pattern[str], ModelErrorKind], ...] = (
    (re.compile(r"ContentFilter|ResponsibleAI"), "content_filter"),
    (re.compile(r"InvalidAuth|AuthenticationError|PermissionDenied"), "authentication"),
    (re.compile(r"RateLimitError|TooManyRequests"), "rate_limited"),
    (re.compile(r"Timeout"), "timeout"),
    (
        re.compile(
            r"APIConnectionError|ConnectError|ConnectionError|ConnectionReset|ReadError|WriteError"
            r"|NetworkError|RemoteProtocolError|ServerDisconnected|ClientOSError|IncompleteRead"
            r"|gaierror|ClosedResource|BrokenResource"
        ),
        "connection",
    ),
    (re.compile(r"InternalServerError|ServiceUnavailable|Overloaded"), "server_error"),
    # An answer that is no answer, such as half of a JSON text, is a fault of the service.
    (re.compile(r"InvalidResponse|ResponseInvalidated|JSONDecodeError"), "server_error"),
    (re.compile(r"InvalidRequest|BadRequest|NotFoundError|Unprocessable"), "invalid_request"),
)
# For services that tell these two by their text alone.
_BY_TEXT: tuple[tuple[re.Pattern[str], ModelErrorKind], ...] = (
    (
        re.compile(
            r"context[ _-](length|window)|maximum context|prompt is too long|too many tokens", re.I
        ),
        "context_length",
    ),
    (re.compile(r"exceeded your current quota|credit balance is too low", re.I), "quota"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFailure:
    """Why an attempt got no answer.

    Attributes:
        kind: What went wrong.
        detail: What the client said, without secrets.
        status_code: The HTTP status, where there was one.
        retry_after_seconds: How long the service asks to wait, where it does.
        types: The names of the exception's class and its ancestors, as ``Failure.type`` has them.
    """

    kind: ModelErrorKind
    detail: str
    status_code: int | None = None
    retry_after_seconds: float | None = None
    types: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {**asdict(self), "types": list(self.types)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ModelFailure:
        """Return the failure of :meth:`to_json`."""
        return cls(**{**data, "types": tuple(data["types"])})

    @classmethod
    def from_activity(cls, error: ActivityError) -> ModelFailure:
        """Return what a failure of the activity itself means: its worker, not the model, failed."""
        names = (error.failure.type, *error.failure.bases)
        kind = _kind_of_names(names)
        if error.failure.matches(AgentNotRegisteredError):
            # From this worker the model is out of reach. Another may have it: deployments roll.
            kind = "connection"
        return cls(
            kind=kind if kind in {"timeout", "connection"} else "unknown",
            detail=redact(f"{error.failure.type}: {error.failure.message}")[:_MOST_CHARACTERS],
            types=names,
        )


def describe(
    error: BaseException, *, secrets: Iterable[str] = (), clock: Clock | None = None
) -> ModelFailure:
    """Return what ``error``, which a chat client raised, means.

    Args:
        error: It, with its causes.
        secrets: What must not be in the detail.
        clock: Tells how far off a date in a ``Retry-After`` is.
    """
    chain = list(_chain(error))
    status = next((code for it in chain if (code := _status_of(it)) is not None), None)
    waits = (_retry_after(it, clock or SystemClock()) for it in chain)
    return ModelFailure(
        kind=_kind_of(chain, status),
        detail=redact(_detail(chain), secrets)[:_MOST_CHARACTERS],
        status_code=status,
        retry_after_seconds=next((wait for wait in waits if wait is not None), None),
        types=tuple(
            type_name(kind)
            for it in chain
            for kind in type(it).__mro__
            if issubclass(kind, BaseException)
        ),
    )


def _kind_of(chain: list[BaseException], status: int | None) -> ModelErrorKind:
    for code in (code for it in chain for code in _codes_of(it)):
        if code in _BY_CODE:
            return _BY_CODE[code]
    text = " ".join(_text_of(it) for it in chain)
    if status is None or 400 <= status < 500:
        told = next((kind for pattern, kind in _BY_TEXT if pattern.search(text)), None)
        if told is not None:
            return told
    if status is not None and status >= 400:
        usual: ModelErrorKind = "server_error" if status >= 500 else "invalid_request"
        return _BY_STATUS.get(status, usual)
    # What lies behind says more than what the framework made of it.
    for it in reversed(chain):
        kind = _kind_of_names(type_name(base) for base in type(it).__mro__)
        if kind != "unknown":
            return kind
    return "unknown"


def _kind_of_names(names: Iterable[str]) -> ModelErrorKind:
    for name in names:
        short = name.rpartition(".")[2]
        for pattern, kind in _BY_CLASS:
            if pattern.search(short):
                return kind
    return "unknown"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it comes from."""
    seen: set[int] = set()
    pending: BaseException | None = error
    while pending is not None and id(pending) not in seen and len(seen) < _MOST_CAUSES:
        seen.add(id(pending))
        yield pending
        pending = pending.__cause__ or (
            None if pending.__suppress_context__ else pending.__context__
        )


def _status_of(error: BaseException) -> int | None:
    response = getattr(error, "response", None)
    for holder in (error, response):
        for name in ("status_code", "status"):
            status = getattr(holder, name, None)
            if isinstance(status, int) and not isinstance(status, bool) and 100 <= status < 600:
                return status
    return None


def _codes_of(error: BaseException) -> Iterator[str]:
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else {}
    told = inner if isinstance(inner, dict) else {}
    for code in (
        getattr(error, "code", None),
        told.get("code"),
        told.get("type"),
        getattr(error, "type", None),
    ):
        if isinstance(code, str):
            yield code


def _retry_after(error: BaseException, clock: Clock) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None)
    get = getattr(headers, "get", None)
    if callable(get):
        milliseconds = _seconds(get("retry-after-ms"), clock)
        if milliseconds is not None:
            return milliseconds / 1_000
        seconds = _seconds(get("retry-after"), clock)
        if seconds is not None:
            return seconds
    return _seconds(getattr(error, "retry_after", None), clock)


def _seconds(value: Any, clock: Clock) -> float | None:
    """Return a number of seconds, given as one, as a duration, or as an HTTP date."""
    if isinstance(value, timedelta):
        return max(value.total_seconds(), 0.0)
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return _seconds_until(value, clock) if isinstance(value, str) else None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _seconds_until(date: str, clock: Clock) -> float | None:
    try:
        instant_us = to_us(parsedate_to_datetime(date))
    except ValueError:
        return None
    return max((instant_us - clock.now_us()) / 1_000_000, 0.0)


def _detail(chain: list[BaseException]) -> str:
    # The framework's errors hold the one behind them in their arguments, so its text comes anyway.
    inmost = next((it for it in reversed(chain) if _status_of(it) is not None), chain[0])
    return f"{type(inmost).__name__}: {_text_of(inmost)}"


def _text_of(error: BaseException) -> str:
    if error.args and isinstance(error.args[0], str):
        return error.args[0]
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - a broken __str__ must not hide what went wrong
        return f"(its __str__ raised {type(broken).__name__})"
