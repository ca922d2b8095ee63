"""perdure: durable workflows in plain ``async`` Python.

Importing this package imports next to nothing: each name below is fetched when it is first used
(PEP 562), so that a script which only wants to look at ``--help`` does not wait for the engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from perdure._version import __version__

if TYPE_CHECKING:
    from perdure import errors as errors
    from perdure import spi as spi
    from perdure import testing as testing
    from perdure._definition import Call
    from perdure.activity import Activity
    from perdure.activity_functions import ActivityInfo, current_activity
    from perdure.app import App
    from perdure.approvals.asking import request_approval
    from perdure.approvals.errors import (
        ApprovalAlreadyAnsweredError,
        ApprovalClosedError,
        ApprovalExpiredError,
        ApprovalNotFoundError,
        ApprovalNotPermittedError,
    )
    from perdure.approvals.record import Approval, ApprovalDecision, ApprovalState
    from perdure.client import Client
    from perdure.errors import (
        ActivityError,
        ActivityNotRegisteredError,
        ActivityOutcomeUnknownError,
        ActivityTimeoutError,
        AuthenticationFailedError,
        BackendUnavailableError,
        CapabilityNotSupportedError,
        ConfigurationError,
        DuplicateNameError,
        ForbiddenInWorkflowError,
        InstanceActiveError,
        InstanceAlreadyExistsError,
        InstanceFinishedError,
        InstanceNotFoundError,
        InvalidInstanceIdError,
        InvalidNameError,
        NonDeterminismError,
        NotInActivityError,
        NotInWorkflowError,
        PayloadError,
        PayloadStoreError,
        PayloadTooLargeError,
        PerdureError,
        PluginError,
        StorageError,
        WorkflowCancelledError,
        WorkflowFailedError,
        WorkflowNotRegisteredError,
        WorkflowStalledError,
        WorkflowTerminatedError,
    )
    from perdure.event_types import EventType, event_type, wait_for_event
    from perdure.handle import WorkflowHandle
    from perdure.payloads.blob import Blob
    from perdure.payloads.secret import Secret
    from perdure.payloads.settings import Payloads
    from perdure.registry import Registry
    from perdure.sync_client import SyncClient, SyncHandle
    from perdure.types import Failure, InstanceInfo, ParentLink, RetryPolicy, Status
    from perdure.worker import Worker
    from perdure.workflow import Workflow
    from perdure.workflow_functions import (
        ChildHandle,
        WorkflowInfo,
        continue_as_new,
        current_workflow,
        logger,
        now,
        patched,
        random,
        set_custom_status,
        start_child,
        uuid4,
    )

__all__ = [
    "Activity",
    "ActivityError",
    "ActivityInfo",
    "ActivityNotRegisteredError",
    "ActivityOutcomeUnknownError",
    "ActivityTimeoutError",
    "App",
    "Approval",
    "ApprovalAlreadyAnsweredError",
    "ApprovalClosedError",
    "ApprovalDecision",
    "ApprovalExpiredError",
    "ApprovalNotFoundError",
    "ApprovalNotPermittedError",
    "ApprovalState",
    "AuthenticationFailedError",
    "BackendUnavailableError",
    "Blob",
    "Call",
    "CapabilityNotSupportedError",
    "ChildHandle",
    "Client",
    "ConfigurationError",
    "DuplicateNameError",
    "EventType",
    "Failure",
    "ForbiddenInWorkflowError",
    "InstanceActiveError",
    "InstanceAlreadyExistsError",
    "InstanceFinishedError",
    "InstanceInfo",
    "InstanceNotFoundError",
    "InvalidInstanceIdError",
    "InvalidNameError",
    "NonDeterminismError",
    "NotInActivityError",
    "NotInWorkflowError",
    "ParentLink",
    "PayloadError",
    "PayloadStoreError",
    "PayloadTooLargeError",
    "Payloads",
    "PerdureError",
    "PluginError",
    "Registry",
    "RetryPolicy",
    "Secret",
    "Status",
    "StorageError",
    "SyncClient",
    "SyncHandle",
    "Worker",
    "Workflow",
    "WorkflowCancelledError",
    "WorkflowFailedError",
    "WorkflowHandle",
    "WorkflowInfo",
    "WorkflowNotRegisteredError",
    "WorkflowStalledError",
    "WorkflowTerminatedError",
    "__version__",
    "continue_as_new",
    "current_activity",
    "current_workflow",
    "event_type",
    "logger",
    "now",
    "patched",
    "random",
    "request_approval",
    "set_custom_status",
    "start_child",
    "uuid4",
    "wait_for_event",
]

_HOMES = {
    "Activity": "activity",
    "ActivityInfo": "activity_functions",
    "App": "app",
    "Approval": "approvals.record",
    "ApprovalAlreadyAnsweredError": "approvals.errors",
    "ApprovalClosedError": "approvals.errors",
    "ApprovalDecision": "approvals.record",
    "ApprovalExpiredError": "approvals.errors",
    "ApprovalNotFoundError": "approvals.errors",
    "ApprovalNotPermittedError": "approvals.errors",
    "ApprovalState": "approvals.record",
    "Blob": "payloads.blob",
    "Call": "_definition",
    "ChildHandle": "workflow_functions",
    "Client": "client",
    "EventType": "event_types",
    "Failure": "types",
    "InstanceInfo": "types",
    "ParentLink": "types",
    "Payloads": "payloads.settings",
    "Registry": "registry",
    "RetryPolicy": "types",
    "Secret": "payloads.secret",
    "Status": "types",
    "SyncClient": "sync_client",
    "SyncHandle": "sync_client",
    "Worker": "worker",
    "Workflow": "workflow",
    "WorkflowHandle": "handle",
    "WorkflowInfo": "workflow_functions",
    "continue_as_new": "workflow_functions",
    "current_activity": "activity_functions",
    "current_workflow": "workflow_functions",
    "event_type": "event_types",
    "logger": "workflow_functions",
    "now": "workflow_functions",
    "patched": "workflow_functions",
    "random": "workflow_functions",
    "request_approval": "approvals.asking",
    "set_custom_status": "workflow_functions",
    "start_child": "workflow_functions",
    "uuid4": "workflow_functions",
    "wait_for_event": "event_types",
}
_PACKAGES = frozenset({"errors", "spi", "testing"})


if not TYPE_CHECKING:  # a checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name in _PACKAGES:
            return import_module(f"perdure.{name}")
        if name not in __all__:
            raise AttributeError(f"module 'perdure' has no attribute {name!r}")
        value = getattr(import_module(f"perdure.{_HOMES.get(name, 'errors')}"), name)
        globals()[name] = value  # the next look-up does not come here
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
