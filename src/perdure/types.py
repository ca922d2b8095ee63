"""Plain values that every layer shares.

Statuses, retry policy, failures, what is known of an instance.
"""

from __future__ import annotations

import enum
import math
import traceback
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping
    from datetime import datetime

Delivery = Literal["at_least_once", "at_most_once"]
IfExists = Literal["raise", "attach", "replace_finished"]
OnParentEnd = Literal["terminate", "abandon"]

EMPTY: Mapping[str, str] = MappingProxyType({})
_MAX_TRACEBACK_CHARACTERS = 8_000
_MAX_CAUSES = 8


class Status(enum.StrEnum):
    """Where a workflow instance stands. ``UNKNOWN`` is what a state of a newer backend maps to."""

    PENDING = "pending"
    RUNNING = "running"
    SUSPENDED = "suspended"
    STALLED = "stalled"
    CONTINUED_AS_NEW = "continued_as_new"
    COMPLETED = "completed"
    FAILED = "failed"
    TERMINATED = "terminated"
    UNKNOWN = "unknown"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing further will happen to the instance (continue-as-new is not an end)."""
        return self in _TERMINAL


_TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.TERMINATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When and how often a failed activity is tried again.

    Attributes:
        max_attempts: How often it runs at most; counts the first attempt.
        initial_interval: The wait before the second attempt.
        backoff: What each further wait is multiplied by.
        max_interval: The longest wait.
        timeout: No new attempt starts later than this after the first was scheduled.
        jitter: Each wait is lengthened at random by up to this share (0 to 1) of itself; drawn from
            the workflow's own random numbers, so a replay sees the same waits.
        non_retryable: Classes, or names as in ``Failure.type``, that are never tried again.
    """

    max_attempts: int = 3
    initial_interval: timedelta = timedelta(seconds=1)
    backoff: float = 2.0
    max_interval: timedelta = timedelta(minutes=5)
    timeout: timedelta | None = None
    jitter: float = 0.0
    non_retryable: tuple[type[BaseException] | str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise ValueError(
                f"max_attempts counts the first attempt and must be >= 1, got {self.max_attempts}"
            )
        if self.initial_interval < timedelta() or self.max_interval < timedelta():
            raise ValueError("retry intervals must not be negative")
        if not (self.backoff >= 1 and math.isfinite(self.backoff)):
            raise ValueError(f"backoff must be a finite number >= 1, got {self.backoff}")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter is a share from 0 to 1, got {self.jitter}")

    @classmethod
    def none(cls) -> RetryPolicy:
        """Return the policy of a single attempt."""
        return cls(max_attempts=1)

    def interval_before(self, attempt: int) -> timedelta:
        """Return the wait before ``attempt`` (2 is the first that has one), without jitter."""
        # Floats may overflow for a large attempt; min() with the cap first keeps it finite.
        exponent = min(attempt - 2, 1_000)
        try:
            seconds = self.initial_interval.total_seconds() * self.backoff**exponent
        except OverflowError:
            return self.max_interval
        return min(
            self.max_interval, timedelta(seconds=min(seconds, self.max_interval.total_seconds()))
        )

    def forbids(self, failure: Failure) -> bool:
        """Return whether ``failure`` is of a class that must not be tried again."""
        return any(failure.matches(kind) for kind in self.non_retryable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong, as data: it crosses processes and backends and is never unpickled.

    Attributes:
        type: The exception's class, ``module.QualName`` (built-ins without their module).
        message: ``str(exception)``.
        traceback: The formatted traceback, cut to the last 8,000 characters; may be empty.
        bases: Names of the class's ancestors in the form of ``type``, nearest first.
        cause: What it was raised from, if anything.
    """

    type: str
    message: str
    traceback: str = ""
    bases: tuple[str, ...] = ()
    cause: Failure | None = None

    @classmethod
    def from_exception(cls, error: BaseException, *, with_traceback: bool = True) -> Failure:
        """Describe ``error`` and the chain of what caused it (at most 8 deep). Never raises."""
        return _describe(error, with_traceback=with_traceback, depth=0)

    def matches(self, kind: builtins.type[BaseException] | str) -> bool:
        """Return whether this failure is of class ``kind`` or of one derived from it, by name."""
        name = kind if isinstance(kind, str) else type_name(kind)
        return name == self.type or name in self.bases


def type_name(kind: type[BaseException]) -> str:
    """Return the portable name of an exception class.

    ``module.QualName``, or bare for a built-in.
    """
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"


def _describe(error: BaseException, *, with_traceback: bool, depth: int) -> Failure:
    from perdure.errors import CarriesFailure

    if isinstance(error, CarriesFailure) and error.failure is not None and not with_traceback:
        return error.failure
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    kind = type(error)
    return Failure(
        type=type_name(kind),
        message=_safe_text(error),
        traceback=_format(error) if with_traceback else "",
        bases=tuple(
            type_name(base) for base in kind.__mro__[1:] if issubclass(base, BaseException)
        ),
        cause=_describe(cause, with_traceback=False, depth=depth + 1)
        if cause is not None and depth < _MAX_CAUSES
        else None,
    )


def _safe_text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - a broken __str__ must not hide the failure
        return f"<{type(error).__name__}: its __str__ raised {type(broken).__name__}>"


def _format(error: BaseException) -> str:
    try:
        text = "".join(
            traceback.format_exception(type(error), error, error.__traceback__, chain=False)
        )
    except Exception:  # noqa: BLE001 - same: describing an error never raises
        return ""
    return text[-_MAX_TRACEBACK_CHARACTERS:]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentLink:
    """Which command of which run started a child workflow."""

    instance_id: str
    run_id: str
    command_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceInfo:
    """What a backend knows of one workflow instance. Payloads are JSON text, or ``None``.

    Attributes:
        reason: Why it is stalled, suspended or terminated, in words, if known.
    """

    instance_id: str
    run_id: str
    name: str
    status: Status
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None
    start_at: datetime | None = None
    input_json: str | None = None
    output_json: str | None = None
    custom_status_json: str | None = None
    failure: Failure | None = None
    reason: str | None = None
    parent: ParentLink | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
