"""Arguments of a tool call, checked in the workflow and once more where the tool is.

The worker gets them as the model gave them: what the check makes of them (a ``datetime``, a model)
may be no JSON, and a check that changes them must not change them twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_framework import FunctionTool


class CheckedArguments(dict[str, Any]):
    """Arguments as a tool's check has left them.

    Attributes:
        given: What was checked.
    """

    def __init__(self, checked: Mapping[str, Any], *, given: Any) -> None:
        super().__init__(checked)
        self.given = dict(given) if isinstance(given, Mapping) else dict(checked)


def checked(tool: FunctionTool, given: Any) -> CheckedArguments:
    """Return arguments as the tool's own check leaves them.

    Raises:
        Exception: They do not fit; the framework tells the model.
    """
    return CheckedArguments(tool._prepare_arguments(given), given=given)


def given_arguments(arguments: Any) -> Any:
    """Return what was checked, or the same where nothing was."""
    return arguments.given if isinstance(arguments, CheckedArguments) else arguments
