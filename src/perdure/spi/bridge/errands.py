"""Errands: what a run has done on other instances, by reserved activities that the backend brings.

An errand may be run twice, and is tried until the backend can be reached. It is no business of the
program, so any worker of the hub runs it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from perdure.errors import BackendUnavailableError
from perdure.spi.bridge.envelope import Envelope, damaged, decode_start, is_marked
from perdure.spi.bridge.messages import (
    ANSWER_PARENT,
    END_CHILDREN,
    REFUSED_CHILD,
    START_CHILD,
    encode_result,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from perdure.types import OnParentEnd, ParentLink

_T = TypeVar("_T")

_FIRST_WAIT_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 30.0
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRequest:
    """A child to start that the vendor does not know as one.

    Attributes:
        instance_id: Its id.
        workflow: The name of its workflow.
        run_id: That of its first run.
        start: What its input is.
        parent: Who has asked for it.
        on_parent_end: What becomes of it when its parent ends.
    """

    instance_id: str
    workflow: str
    run_id: str
    start: Envelope
    parent: ParentLink
    on_parent_end: OnParentEnd


class Errands(Protocol):
    """What a backend does for the runs of its workers. Each may be called twice."""

    async def end_child(self, instance_id: str, *, reason: str) -> None:
        """Terminate a child; nothing where it has ended or is gone.

        Raises:
            BackendUnavailableError: To be tried again.
        """

    async def start_child(self, child: ChildRequest) -> bool:
        """Start a child; return whether it is there, or ``False`` where its id is taken.

        An instance that has the child's run id is the child. One whose parent was terminated, and
        that would end with it, is not started any more.

        Raises:
            BackendUnavailableError: To be tried again.
        """

    async def answer_parent(self, instance_id: str, payload: str) -> None:
        """Raise ``CHILD_ANSWER`` on a parent's channel; nothing where it has ended or is gone.

        Raises:
            BackendUnavailableError: To be tried again.
        """


def is_reserved(name: str) -> bool:
    """Return whether ``name`` is that of an errand."""
    return name in _KINDS


async def run_errand(errands: Errands, name: str, value: object) -> Envelope | None:
    """Run a reserved activity and return what the SDK is to answer with.

    Raises:
        PayloadError: The input is not whole.
    """
    if not isinstance(value, dict) or not is_marked(value):
        raise damaged(f"input of {name}", TypeError("no envelope"))
    try:
        return await _KINDS[name](errands, value)
    except (KeyError, TypeError) as err:
        raise damaged(f"input of {name}", err) from err


async def _end_children(errands: Errands, value: dict[str, Any]) -> None:
    reason = str(value["reason"])
    for instance_id in map(str, value["instance_ids"]):
        await _insist(partial(errands.end_child, instance_id, reason=reason))


async def _answer_parent(errands: Errands, value: dict[str, Any]) -> None:
    parent, answer = str(value["instance_id"]), str(value["answer"])
    await _insist(partial(errands.answer_parent, parent, answer))


async def _start_child(errands: Errands, value: dict[str, Any]) -> Envelope:
    child = _child_of(value)
    is_there = await _insist(partial(errands.start_child, child))
    result = "true" if is_there else REFUSED_CHILD
    return encode_result(run_id=child.parent.run_id, id=child.parent.command_id, result=result)


def _child_of(value: dict[str, Any]) -> ChildRequest:
    start = decode_start(value["start"])
    if start is None or start.parent is None:
        raise TypeError("no start of a child")
    return ChildRequest(
        instance_id=str(value["instance_id"]),
        workflow=str(value["workflow"]),
        run_id=start.run_id,
        start=value["start"],
        parent=start.parent,
        on_parent_end=start.on_parent_end,
    )


async def _insist(act: Callable[[], Awaitable[_T]]) -> _T:
    wait_seconds = _FIRST_WAIT_SECONDS
    while True:
        try:
            return await act()
        except (BackendUnavailableError, TimeoutError) as error:
            _logger.warning("an errand is tried again in %g s: %s", wait_seconds, error)
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(_LONGEST_WAIT_SECONDS, wait_seconds * 2)


_KINDS: dict[str, Callable[[Errands, dict[str, Any]], Awaitable[Envelope | None]]] = {
    ANSWER_PARENT: _answer_parent,
    END_CHILDREN: _end_children,
    START_CHILD: _start_child,
}
