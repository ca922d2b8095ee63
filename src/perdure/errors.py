"""Every error that perdure raises on its own account, one tree.

::

    PerdureError
    ├── WorkflowFailedError              a workflow raised; .failure says what
    │   └── WorkflowCancelledError       ... because it was asked to cancel
    ├── WorkflowTerminatedError          somebody ended it by force
    ├── WorkflowStalledError             it cannot go on until its code is put right
    ├── ActivityError                    an activity failed for good; .failure says why
    │   ├── ActivityTimeoutError         (TimeoutError) its last attempt took too long
    │   └── ActivityOutcomeUnknownError  an at-most-once activity was started and never ended
    ├── InstanceNotFoundError            (LookupError)
    ├── InstanceAlreadyExistsError
    ├── InstanceActiveError              it has not finished, and must have
    ├── InstanceFinishedError            it has finished, and must not have
    ├── InvalidInstanceIdError           (ValueError)
    ├── InvalidNameError                 (ValueError) of an event, a workflow or an activity
    ├── DuplicateNameError               (ValueError) two functions under one name
    ├── WorkflowNotRegisteredError       (LookupError)
    ├── ActivityNotRegisteredError       (LookupError)
    ├── PayloadError                     (ValueError) it cannot be stored, or does not fit its type
    │   └── PayloadTooLargeError
    ├── PayloadStoreError                (ConnectionError) the payload store cannot be reached
    ├── CapabilityNotSupportedError      (NotImplementedError)
    ├── BackendUnavailableError          (ConnectionError) unreachable, locked, full, read-only …
    │   └── StorageError                 … of the embedded engine's file, which one and what to do
    ├── AuthenticationFailedError        (PermissionError)
    ├── ConfigurationError               (ValueError)
    ├── PluginError                      (ImportError)
    ├── NotInWorkflowError               (RuntimeError)
    └── NotInActivityError               (RuntimeError)

    BaseException                        what user code must not swallow with ``except Exception``
    ├── NonDeterminismError              the code no longer matches the instance's history
    └── ForbiddenInWorkflowError         a workflow did what cannot be replayed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perdure.types import Failure


class PerdureError(Exception):
    """The root of all errors that a program may want to handle."""


class CarriesFailure(PerdureError):
    """An error that stands for a failure recorded elsewhere."""

    def __init__(self, message: str, *, failure: Failure | None = None) -> None:
        super().__init__(message)
        self.failure = failure

    def matches(self, kind: type[BaseException] | str) -> bool:
        """Return whether what failed was of class ``kind`` or of one derived from it, by name."""
        return self.failure is not None and self.failure.matches(kind)


def _summary(failure: Failure) -> str:
    return f"{failure.type}: {failure.message}" if failure.message else failure.type


class WorkflowFailedError(CarriesFailure):
    """A workflow ended with an error."""

    failure: Failure

    def __init__(self, *, instance_id: str, failure: Failure) -> None:
        super().__init__(
            f"workflow instance {instance_id!r} failed: {_summary(failure)}", failure=failure
        )
        self.instance_id = instance_id


class WorkflowCancelledError(WorkflowFailedError):
    """A workflow ended because it was asked to cancel, and did."""


class WorkflowTerminatedError(PerdureError):
    """A workflow was ended by force."""

    def __init__(self, *, instance_id: str, reason: str = "") -> None:
        super().__init__(
            f"workflow instance {instance_id!r} was terminated" + (f": {reason}" if reason else "")
        )
        self.instance_id = instance_id
        self.reason = reason


class WorkflowStalledError(PerdureError):
    """A workflow instance waits for code that fits it.

    Nothing is lost; a worker with the right code goes on.
    """

    def __init__(self, *, instance_id: str, reason: str) -> None:
        super().__init__(
            f"workflow instance {instance_id!r} is stalled: {reason} "
            "It goes on when a worker with fitting code starts; or terminate it."
        )
        self.instance_id = instance_id
        self.reason = reason


class ActivityError(CarriesFailure):
    """An activity failed, and its retry policy allows no further attempt."""

    failure: Failure

    def __init__(self, *, activity: str, failure: Failure, attempts: int = 1) -> None:
        tries = "" if attempts == 1 else f" after {attempts} attempts"
        super().__init__(
            f"activity {activity!r} failed{tries}: {_summary(failure)}", failure=failure
        )
        self.activity = activity
        self.attempts = attempts


class ActivityTimeoutError(ActivityError, TimeoutError):
    """The last attempt of an activity ran longer than its ``timeout``."""


class ActivityOutcomeUnknownError(ActivityError):
    """An at-most-once activity was started, and its worker ended before it told the outcome."""


class InstanceNotFoundError(PerdureError, LookupError):
    """There is no such instance (or run)."""

    def __init__(self, *, instance_id: str, run_id: str | None = None) -> None:
        run = "" if run_id is None else f" with run {run_id!r}"
        super().__init__(
            f"no workflow instance {instance_id!r}{run} in this hub; "
            "check the id and PERDURE_BACKEND"
        )
        self.instance_id = instance_id


class InstanceAlreadyExistsError(PerdureError):
    """An instance of that id is there already."""

    def __init__(self, *, instance_id: str, status: str) -> None:
        super().__init__(
            f"workflow instance {instance_id!r} exists already ({status}); "
            'use another id, if_exists="attach" to join it, '
            'or if_exists="replace_finished" once it has ended'
        )
        self.instance_id = instance_id
        self.status = status


class InstanceActiveError(PerdureError):
    """The call needs a finished instance."""

    def __init__(self, *, instance_id: str, status: str, action: str) -> None:
        super().__init__(
            f"cannot {action} workflow instance {instance_id!r}: it is {status}; "
            "wait for it or terminate it first"
        )
        self.instance_id = instance_id
        self.status = status


class InstanceFinishedError(PerdureError):
    """The call needs an instance that still runs."""

    def __init__(self, *, instance_id: str, status: str, action: str) -> None:
        super().__init__(
            f"cannot {action} workflow instance {instance_id!r}: it has ended ({status})"
        )
        self.instance_id = instance_id
        self.status = status


class InvalidInstanceIdError(PerdureError, ValueError):
    """An instance id that not every backend can take."""

    def __init__(self, *, instance_id: str) -> None:
        super().__init__(
            f"invalid instance id {instance_id!r} ({len(instance_id)} characters): "
            "use 1 to 64 of letters, digits, '_' and '-'"
        )
        self.instance_id = instance_id


class InvalidNameError(PerdureError, ValueError):
    """A name that not every backend can take."""

    def __init__(self, *, kind: str, name: str, rule: str) -> None:
        super().__init__(f"invalid {kind} name {name!r}: {rule}")
        self.name = name


class DuplicateNameError(PerdureError, ValueError):
    """Two different functions under one name."""

    def __init__(self, *, kind: str, name: str, first: str, second: str) -> None:
        super().__init__(
            f"two {kind} functions are named {name!r}: {first} and {second}; "
            "give one of them name=…"
        )
        self.name = name


class WorkflowNotRegisteredError(PerdureError, LookupError):
    """No workflow of that name is registered here."""

    def __init__(self, *, name: str, known: Iterable[str]) -> None:
        super().__init__(
            f"no workflow {name!r} is registered here; known: {', '.join(sorted(known)) or 'none'}"
        )
        self.name = name


class ActivityNotRegisteredError(PerdureError, LookupError):
    """No activity of that name is registered here."""

    def __init__(self, *, name: str, known: Iterable[str]) -> None:
        super().__init__(
            f"no activity {name!r} is registered here; known: {', '.join(sorted(known)) or 'none'}"
        )
        self.name = name


class PayloadError(PerdureError, ValueError):
    """A value that cannot be stored as JSON, or stored JSON that does not fit its type."""

    def __init__(self, *, what: str, problem: str) -> None:
        super().__init__(f"{what}: {problem}")
        self.what = what


class PayloadTooLargeError(PayloadError):
    """A value over the limit of what a backend or perdure takes."""

    def __init__(self, *, what: str, size: int, limit: int, remedy: str) -> None:
        super().__init__(what=what, problem=f"{size:,} bytes, and the limit is {limit:,}; {remedy}")
        self.size = size
        self.limit = limit


class PayloadStoreError(PerdureError, ConnectionError):
    """The payload store cannot be reached; what is in it is safe."""

    def __init__(
        self, *, store: str, what: str, problem: str, setting: str = "PERDURE_PAYLOADS"
    ) -> None:
        super().__init__(
            f"{what}: the payload store {store} cannot be reached ({problem}); "
            f"check {setting}, the network and the access rights"
        )
        self.store = store
        self.what = what


class CapabilityNotSupportedError(PerdureError, NotImplementedError):
    """This backend cannot do that."""

    def __init__(self, *, backend: str, capability: str) -> None:
        super().__init__(f"backend {backend!r} does not support {str(capability)!r}")
        self.backend = backend
        self.capability = capability


class BackendUnavailableError(PerdureError, ConnectionError):
    """A backend cannot be reached or used."""

    def __init__(self, *, backend: str, problem: str) -> None:
        super().__init__(f"backend {backend!r}: {problem}")
        self.backend = backend


class StorageError(BackendUnavailableError):
    """The embedded engine's file cannot be used; what is committed in it is safe.

    Attributes:
        kind: ``full``, ``read_only``, ``corrupt``, ``newer_version``, ``foreign``, ``locked``,
            ``network``, or ``other``.
    """

    def __init__(self, *, path: str, kind: str, problem: str) -> None:
        super().__init__(backend="sqlite", problem=f"{path}: {problem}")
        self.path = path
        self.kind = kind


class AuthenticationFailedError(PerdureError, PermissionError):
    """A backend refused who we are."""

    def __init__(self, *, backend: str, problem: str) -> None:
        super().__init__(f"backend {backend!r} refused the credentials: {problem}")
        self.backend = backend


class ConfigurationError(PerdureError, ValueError):
    """A setting that cannot be used."""

    def __init__(self, *, setting: str, problem: str) -> None:
        super().__init__(f"{setting}: {problem}")
        self.setting = setting


class PluginError(PerdureError, ImportError):
    """A plugin that is missing or broken."""

    def __init__(self, *, plugin: str, problem: str) -> None:
        super().__init__(f"plugin {plugin!r}: {problem}")
        self.plugin = plugin


class NotInWorkflowError(PerdureError, RuntimeError):
    """Something that works only inside a workflow was used outside one."""

    def __init__(self, *, what: str, remedy: str) -> None:
        super().__init__(f"{what} works only inside a running workflow; {remedy}")


class NotInActivityError(PerdureError, RuntimeError):
    """Something that works only inside an activity was used outside one."""

    def __init__(self, *, what: str, remedy: str) -> None:
        super().__init__(f"{what} works only inside a running activity; {remedy}")


class NonDeterminismError(BaseException):
    """The workflow's code no longer issues the commands its history holds.

    On ``BaseException``, because agent frameworks swallow ``Exception``.
    """

    def __init__(self, *, instance_id: str, recorded: str, asked: str, position: int) -> None:
        super().__init__(
            f"workflow instance {instance_id!r} does not match its history at entry {position}: "
            f"recorded {recorded}, but the code now asks for {asked}. "
            "Restore the code it started with, or guard the change with perdure.patched(…)."
        )
        self.instance_id = instance_id
        self.recorded = recorded
        self.asked = asked
        self.position = position


class ForbiddenInWorkflowError(BaseException):
    """A workflow did what cannot be replayed: I/O, a thread, a real sleep, a foreign future.

    On ``BaseException``, because agent frameworks swallow ``Exception``.
    """

    def __init__(self, *, what: str, remedy: str) -> None:
        super().__init__(f"{what} is not possible inside a workflow: {remedy}")
        self.what = what
