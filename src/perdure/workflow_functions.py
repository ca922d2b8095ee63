"""What a workflow may ask for beside asyncio: time, chance, identity, children, a next run."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, get_args, overload

from perdure._checks import check_choice
from perdure._definition import Call
from perdure._replay.current import current_executor, require_executor
from perdure._replay.definition import ChildCall
from perdure.names import check_instance_id
from perdure.types import OnParentEnd
from perdure.workflow import running_workflow

if TYPE_CHECKING:
    import random as random_module
    import uuid
    from collections.abc import Mapping, MutableMapping
    from datetime import datetime

    from perdure._replay.calls import ChildRun
    from perdure.payloads import ValueConverter
    from perdure.types import ParentLink

R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowInfo:
    """What a workflow may know of itself.

    Attributes:
        name: The name of the workflow.
        started_at: When this run began, in UTC.
        is_replaying: Whether the code ran over its history at the moment of asking. For output that
            must not appear twice; a decision made on it breaks the replay.
        parent: The command of the parent that started this instance, if it is a child.
    """

    instance_id: str
    run_id: str
    name: str
    started_at: datetime
    is_replaying: bool
    tags: Mapping[str, str]
    headers: Mapping[str, str]
    parent: ParentLink | None


@dataclass(frozen=True, slots=True, eq=False)
class ChildHandle(Generic[R_co]):
    """A child workflow that was started."""

    _run: ChildRun
    _call: Call[R_co]

    @property
    def instance_id(self) -> str:
        """The child's id, the one asked for or one made of the parent's."""
        return self._run.instance_id

    async def result(self) -> R_co:
        """Return what the child returned. Giving the wait up leaves the child running.

        Raises:
            InstanceAlreadyExistsError: The child was not started, because its id was taken.
            PayloadError: The result does not fit the declared type.
            WorkflowFailedError: The child failed.
            WorkflowTerminatedError: The child was terminated.
        """
        value: R_co = self._call.workflow.code.result.decode(await self._run.result())
        return value


def now() -> datetime:
    """Return the instant, in UTC, of the event that the workflow handles; it stands still between.

    Raises:
        NotInWorkflowError: No workflow runs here.
    """
    return require_executor("perdure.now()", remedy="elsewhere use datetime.now(UTC)").now()


def uuid4() -> uuid.UUID:
    """Return a random UUID that a replay draws again.

    Raises:
        NotInWorkflowError: No workflow runs here.
    """
    return require_executor("perdure.uuid4()", remedy="elsewhere use uuid.uuid4()").uuid4()


def random() -> random_module.Random:
    """Return the workflow's own source of random numbers; a replay draws the same ones.

    Raises:
        NotInWorkflowError: No workflow runs here.
    """
    return require_executor("perdure.random()", remedy="elsewhere use the module random").random


def current_workflow() -> WorkflowInfo:
    """Return what there is to know of the workflow that runs here.

    Raises:
        NotInWorkflowError: No workflow runs here.
    """
    executor = require_executor("perdure.current_workflow()")
    info = executor.info
    return WorkflowInfo(
        instance_id=info.instance_id,
        run_id=info.run_id,
        name=info.workflow,
        started_at=info.started_at,
        is_replaying=executor.is_replaying,
        tags=MappingProxyType(info.tags),
        headers=MappingProxyType(info.headers),
        parent=info.parent,
    )


def patched(name: str) -> bool:
    """Return whether this run began with code that declares the patch ``name``.

    Raises:
        NotInWorkflowError: No workflow runs here.
        ValueError: The workflow does not declare the patch: ``@app.workflow(patches=(…,))``.
    """
    return require_executor("perdure.patched(…)").patched(name)


def set_custom_status(value: Any) -> None:
    """Show ``value`` as the progress of this instance. It must be made of JSON types.

    Raises:
        NotInWorkflowError: No workflow runs here.
        PayloadError: The value is not made of JSON types, or too large.
    """
    executor = require_executor("perdure.set_custom_status(…)")
    executor.set_custom_status(_custom_status().encode(value))


@overload
def continue_as_new(call: Call[Any], /) -> NoReturn: ...
@overload
def continue_as_new(*args: Any, **kwargs: Any) -> NoReturn: ...
def continue_as_new(*args: Any, **kwargs: Any) -> NoReturn:
    """End this run and begin the next one with these arguments and an empty history.

    Events that nobody has taken go over to the next run. For arguments that a type checker sees,
    give the call: ``continue_as_new(settle.bind(claim))``.

    Raises:
        NotInWorkflowError: No workflow runs here.
        PayloadError: An argument cannot be stored, or is not of its declared type.
        TypeError: The arguments do not fit the workflow's parameters.
        ValueError: The call is of another workflow than the one that runs here.
    """
    executor = require_executor("perdure.continue_as_new(…)")
    workflow = running_workflow(executor)
    if len(args) == 1 and not kwargs and isinstance(args[0], Call):
        call = args[0]
        if call.workflow.code.function != workflow.code.function:
            asked = call.workflow.name
            raise ValueError(f"workflow {workflow.name!r} can continue as itself, not as {asked!r}")
    else:
        call = workflow.bind(*args, **kwargs)
    executor.continue_as_new(call.encode)


def start_child(
    call: Call[R_co], /, *, instance_id: str | None = None, on_parent_end: OnParentEnd = "terminate"
) -> ChildHandle[R_co]:
    """Start a child workflow and go on: ``start_child(pay_out.bind(claim), instance_id="pay-17")``.

    Args:
        call: The workflow with its arguments.
        instance_id: The child's id; by default one made of this instance's.
        on_parent_end: What becomes of the child if this workflow ends before it.

    Raises:
        InvalidInstanceIdError: Not every backend can take ``instance_id``.
        NotInWorkflowError: No workflow runs here.
        PayloadError: An argument cannot be stored, or is not of its declared type.
        TypeError: ``call`` is not what a workflow's ``bind`` gives.
        ValueError: ``on_parent_end`` is neither of the two.
    """
    if not isinstance(call, Call):
        raise TypeError(f"start_child takes a call, my_workflow.bind(…), not {type(call).__name__}")
    workflow = call.workflow
    if instance_id is not None:
        instance_id = check_instance_id(instance_id)
    check_choice("on_parent_end", on_parent_end, get_args(OnParentEnd))
    executor = require_executor("perdure.start_child(…)", remedy="elsewhere use client.start(…)")
    child = ChildCall(
        workflow=workflow.name,
        encode=call.encode,
        instance_id=instance_id,
        on_parent_end=on_parent_end,
    )
    return ChildHandle(executor.start_child(child), call)


class WorkflowLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger that is silent while a workflow replays, and says which instance speaks.

    It asks at each call, so one at module level serves workflows, activities and everything else.
    """

    def isEnabledFor(self, level: int) -> bool:
        """Return whether a message of ``level`` would be written here and now."""
        executor = current_executor()
        return (executor is None or not executor.is_replaying) and super().isEnabledFor(level)

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the instance to what the caller gave as ``extra``."""
        executor = current_executor()
        if executor is None:
            return msg, kwargs
        info = executor.info
        own = {"instance_id": info.instance_id, "run_id": info.run_id, "workflow": info.workflow}
        return msg, {**kwargs, "extra": {**(kwargs.get("extra") or {}), **own}}


def logger(name: str = "perdure.workflow") -> WorkflowLogger:
    """Return a logger for workflows: silent while replaying, with ``instance_id`` in ``extra``."""
    return WorkflowLogger(logging.getLogger(name), {})


@functools.cache
def _custom_status() -> ValueConverter:
    from perdure.payloads import ValueConverter

    return ValueConverter(Any, what="custom status")
