"""Which versions of the framework this package is tested with, and the seams it takes hold of.

The package replaces single calls inside the framework, at places that the framework calls its own.
Another version may have moved them; then it is better not to begin.
"""

from __future__ import annotations

import os
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from perdure_agent_framework.errors import FrameworkVersionError

if TYPE_CHECKING:
    from collections.abc import Callable

DISTRIBUTION = "agent-framework-core"
TESTED = ((1, 23), (1, 24))
"""The first version that is tested, and the first that is not any more."""

SETTING = "PERDURE_AGENT_FRAMEWORK_UNTESTED"
"""Set to ``1``, it lets other versions through, at one's own risk."""

SEAMS: tuple[str, ...] = (
    "agent_framework:Agent._prepare_session_and_messages",
    "agent_framework:Agent._run_after_providers",
    "agent_framework:BaseChatClient._build_response_stream",
    "agent_framework:BaseChatClient._inner_get_response",
    "agent_framework:ContextProvider.after_run",
    "agent_framework:ContextProvider.before_run",
    "agent_framework:FunctionTool._discover_injected_parameters",
    "agent_framework:FunctionTool._invoke_function",
    "agent_framework:FunctionTool._prepare_arguments",
    "agent_framework:HistoryProvider.get_messages",
    "agent_framework:HistoryProvider.save_messages",
    "agent_framework._harness._tool_approval:_get_state",
    "agent_framework._harness._tool_approval:_matches_rule",
    "agent_framework._mcp:MCPTool",
    "agent_framework._mcp:MCPTool._close_on_owner",
    "agent_framework._mcp:MCPTool._ensure_connected",
    "agent_framework._mcp:MCPTool._prepare_for_run",
    "agent_framework._mcp:MCPTool._recover_connection_after_loss",
    "agent_framework._mcp:MCPTool._reset_session_state",
    "agent_framework._mcp:MCPTool._run_lifecycle_owner",
    "agent_framework._mcp:MCPTool.functions",
    "agent_framework._sessions:SessionContext.extend_messages",
    "agent_framework._tools:SKIP_PARSING",
    "agent_framework._tools:_FUNCTION_INVOCATION_BUDGET_STATE_KEY",
    "agent_framework._tools:_FUNCTION_RESULT_PAYLOAD_BUDGET_STATE_KEY",
    "agent_framework._tools:_TOOL_APPROVAL_STATE_KEY",
    "agent_framework._tools:_FUNCTION_RESULT_CARRIER_CONTEXT_KEY",
    "agent_framework._tools:_FunctionArgumentValidationError",
    "agent_framework._tools:_FunctionResultCarrier",
    "agent_framework._tools:perf_counter",
    "agent_framework._tools:time",
    "agent_framework._workflows._agent:datetime",
    "agent_framework._workflows._checkpoint:datetime",
    "agent_framework.observability:get_tracer",
)
"""What must be there, as ``module:qualified.name``."""


def check_framework(
    *, installed: str | None = None, find: Callable[[str], Any] | None = None
) -> None:
    """Raise unless the framework is one that this package can take hold of.

    Args:
        installed: Its version, if not the installed one.
        find: Returns what a seam names; for tests.

    Raises:
        FrameworkVersionError: It is another version, or a seam is missing.
    """
    found = version(DISTRIBUTION) if installed is None else installed
    missing = [seam for seam in SEAMS if not _is_there(seam, find or _found)]
    if missing:
        raise FrameworkVersionError(
            installed=found, tested=tested_versions(), missing=missing, setting=None
        )
    if not _is_tested(found) and os.environ.get(SETTING) != "1":
        raise FrameworkVersionError(
            installed=found, tested=tested_versions(), missing=[], setting=SETTING
        )


def tested_versions() -> str:
    """Return the range of versions that are tested, as a requirement says it."""
    first, end = (".".join(map(str, it)) for it in TESTED)
    return f">={first},<{end}"


def _is_tested(found: str) -> bool:
    try:
        release = tuple(int(part) for part in found.split(".")[:2])
    except ValueError:
        return False
    return TESTED[0] <= release < TESTED[1]


def _is_there(seam: str, find: Callable[[str], Any]) -> bool:
    try:
        find(seam)
    except (ImportError, AttributeError):
        return False
    return True


def _found(seam: str) -> Any:
    module, _, name = seam.partition(":")
    found = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found
