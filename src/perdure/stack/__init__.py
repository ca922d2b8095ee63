"""Local servers: a stack is a named set of server processes on loopback, offered by a plugin.

:class:`Stack` is what ``perdure stack`` and tests work with; what a plugin gives is a
:class:`StackKind`, found by name through the entry point group ``perdure.stacks``.
"""

from __future__ import annotations

from perdure.stack.choices import choose, require_option
from perdure.stack.errors import (
    ServerNotHealthyError,
    StackDiffersError,
    StackError,
    StackNotUpError,
)
from perdure.stack.folder import DEFAULT_ROOT, StackFolder
from perdure.stack.go_build import GoBuilder, GoRecipe
from perdure.stack.go_tool import GoTool
from perdure.stack.offers import GROUP, installed_stacks, load_stack
from perdure.stack.ports import LOOPBACK, PortBook
from perdure.stack.process import ProcessId, Usage
from perdure.stack.record import ServerRecord, StackRecord
from perdure.stack.server import (
    HealthCheck,
    OptionValue,
    Server,
    StackKind,
    StackOption,
    StackPlan,
    Tell,
)
from perdure.stack.stack import DEFAULT_WAIT_SECONDS, Stack, Started
from perdure.stack.status import ServerStatus
from perdure.stack.tied import TiedStack

__all__ = [
    "DEFAULT_ROOT",
    "DEFAULT_WAIT_SECONDS",
    "GROUP",
    "LOOPBACK",
    "GoBuilder",
    "GoRecipe",
    "GoTool",
    "HealthCheck",
    "OptionValue",
    "PortBook",
    "ProcessId",
    "Server",
    "ServerNotHealthyError",
    "ServerRecord",
    "ServerStatus",
    "Stack",
    "StackDiffersError",
    "StackError",
    "StackFolder",
    "StackKind",
    "StackNotUpError",
    "StackOption",
    "StackPlan",
    "StackRecord",
    "Started",
    "Tell",
    "TiedStack",
    "Usage",
    "choose",
    "installed_stacks",
    "load_stack",
    "require_option",
]
