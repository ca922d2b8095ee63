"""What the command line ends with, and what it advises, for each error."""

from __future__ import annotations

import enum

from perdure import errors
from perdure.approvals import errors as approval_errors


class ExitCode(enum.IntEnum):
    """How the process ends."""

    OK = 0
    ERROR = 1
    USAGE = 2
    UNAVAILABLE = 3
    NOT_FOUND = 4
    WORKFLOW_FAILED = 5
    UNSUPPORTED = 6
    CONFLICT = 7
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.OK: "ok",
    ExitCode.ERROR: "error",
    ExitCode.USAGE: "usage",
    ExitCode.UNAVAILABLE: "auth or unreachable backend",
    ExitCode.NOT_FOUND: "not found",
    ExitCode.WORKFLOW_FAILED: "workflow failed (wait, start --wait)",
    ExitCode.UNSUPPORTED: "capability not supported",
    ExitCode.CONFLICT: "conflict (ID in use, or its state forbids it)",
    ExitCode.INTERRUPTED: "interrupted",
}
"""Each code in words, as ``--help`` prints them."""


class CommandError(Exception):
    """What a command itself has to say: a message, one next step, and the code to end with."""

    def __init__(self, message: str, *, step: str = "", code: ExitCode = ExitCode.ERROR) -> None:
        super().__init__(message)
        self.step = step
        self.code = code


_CODES: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (errors.WorkflowFailedError, ExitCode.WORKFLOW_FAILED),
    (errors.WorkflowTerminatedError, ExitCode.WORKFLOW_FAILED),
    (errors.WorkflowStalledError, ExitCode.WORKFLOW_FAILED),
    (errors.InstanceNotFoundError, ExitCode.NOT_FOUND),
    (errors.InstanceAlreadyExistsError, ExitCode.CONFLICT),
    (errors.InstanceActiveError, ExitCode.CONFLICT),
    (errors.InstanceFinishedError, ExitCode.CONFLICT),
    (approval_errors.ApprovalNotFoundError, ExitCode.NOT_FOUND),
    (approval_errors.ApprovalAlreadyAnsweredError, ExitCode.CONFLICT),
    (approval_errors.ApprovalClosedError, ExitCode.CONFLICT),
    (approval_errors.ApprovalNotPermittedError, ExitCode.CONFLICT),
    (errors.CapabilityNotSupportedError, ExitCode.UNSUPPORTED),
    (errors.BackendUnavailableError, ExitCode.UNAVAILABLE),
    (errors.AuthenticationFailedError, ExitCode.UNAVAILABLE),
    (errors.PluginError, ExitCode.UNAVAILABLE),
    (errors.InvalidInstanceIdError, ExitCode.USAGE),
    (errors.InvalidNameError, ExitCode.USAGE),
    (errors.ConfigurationError, ExitCode.USAGE),
    (TimeoutError, ExitCode.UNAVAILABLE),
    (KeyboardInterrupt, ExitCode.INTERRUPTED),
)

_STEPS: tuple[tuple[type[BaseException], str], ...] = (
    (errors.WorkflowFailedError, "perdure show {id}"),
    (errors.WorkflowTerminatedError, "perdure history {id}"),
    (errors.WorkflowStalledError, "perdure worker MODULE, with the code it began with"),
    (errors.InstanceNotFoundError, "perdure list"),
    (
        errors.InstanceAlreadyExistsError,
        "another --id; or --if-exists attach to join it, replace_finished once it has ended",
    ),
    (errors.InstanceActiveError, "perdure wait {id}"),
    (errors.InstanceFinishedError, "perdure show {id}"),
    (approval_errors.ApprovalNotFoundError, "perdure approvals list"),
    (approval_errors.ApprovalNotPermittedError, "--by, with one of those names"),
    (approval_errors.ApprovalAlreadyAnsweredError, "perdure approvals show {approval_id}"),
    (approval_errors.ApprovalClosedError, "perdure approvals show {approval_id}"),
    (errors.CapabilityNotSupportedError, "perdure backends capabilities"),
    (errors.AuthenticationFailedError, "perdure config show"),
    (errors.BackendUnavailableError, "perdure backends check"),
    (errors.PluginError, "perdure backends list"),
    (errors.ConfigurationError, "perdure config show"),
    (TimeoutError, "perdure backends check"),
)


def code_of(error: BaseException) -> ExitCode:
    """Return the code that the process ends with because of ``error``."""
    if isinstance(error, CommandError):
        return error.code
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.ERROR)


def message_of(error: BaseException) -> str:
    """Return what to tell of ``error``: its own words where it is one of ours."""
    if isinstance(error, errors.InstanceAlreadyExistsError):
        # Its own words give advice for code.
        return f"workflow instance {error.instance_id!r} exists already ({error.status})"
    if isinstance(error, CommandError | errors.PerdureError | TimeoutError):
        return str(error)
    words = str(error)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def step_after(error: BaseException) -> str:
    """Return the one thing to do next; empty where the message says it already."""
    if isinstance(error, CommandError):
        return error.step
    known = (step for kind, step in _STEPS if isinstance(error, kind))
    step = next(known, "" if isinstance(error, errors.PerdureError) else "the same with --debug")
    step = step.replace("{approval_id}", getattr(error, "approval_id", "ID"))
    return step.replace("{id}", getattr(error, "instance_id", "ID"))
