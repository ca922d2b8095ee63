"""Refusing in a workflow's own code what its backend will not take, where there is no store.

The code that made the value gets the error, and may act on it. Later would be too late: what a
backend refuses then can only be sent again, or stall.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from perdure._replay.executor import WorkflowExecutor

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure._replay.calls import ChildRun
    from perdure._replay.definition import ActivityCall, ChildCall, WorkflowDefinition
    from perdure.payloads.pipeline import PayloadPipeline


class _Checking(WorkflowExecutor):
    """An executor whose payloads are checked when they are made."""

    payloads: PayloadPipeline

    async def call_activity(self, call: ActivityCall) -> str:
        """Return the result of an activity."""
        what = f"arguments of activity {call.name!r}"
        return await super().call_activity(replace(call, encode=self._checked(call.encode, what)))

    def start_child(self, call: ChildCall) -> ChildRun:
        """Start a child."""
        what = f"arguments of workflow {call.workflow!r}"
        return super().start_child(replace(call, encode=self._checked(call.encode, what)))

    def set_custom_status(self, json_text: str) -> None:
        """Set what the instance shows of its progress."""
        self.payloads.check(json_text, what="custom status")
        super().set_custom_status(json_text)

    def continue_as_new(self, encode: Callable[[], str]) -> NoReturn:
        """End this run and begin the next."""
        super().continue_as_new(self._checked(encode, "arguments of the next run"))

    def _checked(self, encode: Callable[[], str], what: str) -> Callable[[], str]:
        def checked() -> str:
            text = encode()
            self.payloads.check(text, what=what)
            return text

        return checked


def checking(
    kind: type[WorkflowExecutor], definition: WorkflowDefinition, payloads: PayloadPipeline
) -> tuple[type[WorkflowExecutor], WorkflowDefinition]:
    """Return an executor class and a definition that check, where there is anything to check."""
    if payloads.limit is None or payloads.keeper is not None:
        return kind, definition

    async def run(arguments: str) -> str:
        result: str = await definition.run(arguments)
        payloads.check(result, what=f"result of workflow {definition.name!r}")
        return result

    made: Any = type(kind.__name__, (_Checking, kind), {"payloads": payloads})
    return made, replace(definition, run=run)
