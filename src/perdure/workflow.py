"""Workflows: durable ``async`` functions, started by a client or called by another workflow."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar, Self
from weakref import WeakKeyDictionary

from perdure._definition import Call, Definition, P, R_co
from perdure._replay.current import require_executor
from perdure._replay.definition import ChildCall, WorkflowDefinition

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from perdure._replay.executor import WorkflowExecutor
    from perdure.names import FunctionKind

__all__ = ["Call", "Workflow", "running_workflow"]

# The executor knows only text; which typed workflow it runs is noted here when the code begins. Not
# in a context variable: a task may be given an empty context.
_running: WeakKeyDictionary[WorkflowExecutor, Workflow[..., Any]] = WeakKeyDictionary()


class Workflow(Definition[P, R_co]):
    """A workflow. Calling it in a workflow runs it as a child; elsewhere a client starts it.

    Attributes:
        name: What it is registered as.
        patches: What its code may ask ``perdure.patched`` for.
    """

    kind: ClassVar[FunctionKind] = "workflow"

    def __init__(
        self,
        function: Callable[P, Coroutine[Any, Any, R_co]],
        *,
        name: str | None = None,
        patches: tuple[str, ...] = (),
    ) -> None:
        super().__init__(function, name=name)
        self.patches = patches

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]:
        """Check the arguments and return the coroutine that runs this as a child workflow.

        Raises:
            TypeError: The arguments do not fit the parameters.
            NotInWorkflowError: No workflow runs here.
        """
        arguments = self.code.parameters.bind(args, kwargs)
        own = self.code.function.__name__
        remedy = f"start it by client.start({own}, …), or run the plain function, {own}.local(…)"
        require_executor(f"calling workflow {self.name!r}", remedy=remedy)
        return self._named(self._run_as_child(arguments))

    @property
    def local(self) -> Callable[P, Coroutine[Any, Any, R_co]]:
        """The function as it was written."""
        return self.code.function

    def with_options(self, *, name: str | None = None) -> Self:
        """Return this workflow to be called under another name; the name is not registered by this.

        Raises:
            InvalidNameError: Not every backend can take ``name``.
        """
        return self._variant(name=name)

    def definition(self) -> WorkflowDefinition:
        """Return what the replay core runs."""
        return WorkflowDefinition(name=self.name, run=self._execute, patches=self.patches)

    async def _execute(self, arguments_json: str) -> str:
        _running[require_executor(f"workflow {self.name!r}")] = self
        args, kwargs = self.code.parameters.decode(arguments_json)
        return self.code.result.encode(await self.code.function(*args, **kwargs))

    async def _run_as_child(self, arguments: dict[str, Any]) -> R_co:
        executor = require_executor(f"awaiting workflow {self.name!r}")
        encode = functools.partial(self.code.parameters.encode, arguments)
        child = executor.start_child(ChildCall(workflow=self.name, encode=encode))
        result: R_co = self.code.result.decode(await child.result())
        return result


def running_workflow(executor: WorkflowExecutor) -> Workflow[..., Any]:
    """Return the workflow that ``executor`` runs; only its own code can ask, so it has begun."""
    return _running[executor]
