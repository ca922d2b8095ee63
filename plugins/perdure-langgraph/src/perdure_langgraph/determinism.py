"""Chance and clocks of LangGraph, which in workflows are those of the workflow.

Ids of checkpoints are made of the clock and of chance, and those of tasks and interrupts are made
of them. In a workflow they are drawn so that a replay draws the same ones.
"""

from __future__ import annotations

import functools
import sys
import uuid
from datetime import datetime, tzinfo
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Self

import langgraph.checkpoint.base
import langgraph.checkpoint.base.id
import langgraph.pregel._checkpoint

import perdure
from perdure.framework import in_workflow, run_state

if TYPE_CHECKING:
    from collections.abc import Iterable

_EPOCH = 0x01B21DD213814000
_PREFIXES = ("langgraph.", "langchain.", "langchain_core.")


class _Clock:
    """The last timestamp of an id of a run, so that the next one is later."""

    def __init__(self) -> None:
        self.last = 0
        self.drawn = 0


class _WorkflowDatetime(datetime):
    """The class ``datetime``, whose ``now`` is the workflow's in a workflow."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """Return the instant of the event that the workflow handles; elsewhere the clock's."""
        if not in_workflow():
            return super().now(tz)
        return cls.fromtimestamp(perdure.now().timestamp(), tz)


def install() -> None:
    """Put everything in its place, once in a process. May be called again for later modules."""
    _replace(uuid.uuid4, _uuid4, in_modules=_PREFIXES)
    setattr(uuid, "uuid4", _uuid4)  # noqa: B010 - mypy takes it for a constant
    _replace(_original_uuid6, _uuid6, in_modules=_PREFIXES)
    for module in (langgraph.checkpoint.base, langgraph.pregel._checkpoint):
        if getattr(module, "datetime", None) is datetime:
            setattr(module, "datetime", _WorkflowDatetime)  # noqa: B010 - as above


def draw_later_than(ids: Iterable[str]) -> None:
    """Make the ids that this workflow draws later than these, whatever its clock says.

    The newest checkpoint is the one whose id is the latest, and clocks differ between servers.
    """
    values = [uuid.UUID(it).int for it in ids]
    drawn = [value >> 80 << 12 | value >> 64 & 0x0FFF for value in values]
    clock = run_state(_Clock)
    clock.last = max([clock.last, *drawn])


_original_uuid4 = uuid.uuid4
_original_uuid6 = langgraph.checkpoint.base.id.uuid6


@functools.wraps(_original_uuid4)
def _uuid4() -> uuid.UUID:
    return perdure.uuid4() if in_workflow() else _original_uuid4()


@functools.wraps(_original_uuid6)
def _uuid6(node: int | None = None, clock_seq: int | None = None) -> uuid.UUID:
    if not in_workflow():
        return _original_uuid6(node, clock_seq)
    clock = run_state(_Clock)
    # In 100 ns since 1582, as the format has it; the instant stands still between events.
    timestamp = max(int(perdure.now().timestamp() * 10_000_000) + _EPOCH, clock.last + 1)
    clock.last = timestamp
    clock.drawn += 1
    seed = f"{perdure.current_workflow().run_id}:{clock.drawn}".encode()
    chance = int.from_bytes(blake2b(seed, digest_size=8).digest())
    sequence = chance >> 48 if clock_seq is None else clock_seq
    value = (timestamp >> 12 & 0xFFFFFFFFFFFF) << 80 | (timestamp & 0x0FFF) << 64
    value |= (sequence & 0x3FFF) << 48 | ((chance if node is None else node) & 0xFFFFFFFFFFFF)
    return langgraph.checkpoint.base.id.UUID(int=value, version=6)


def _replace(original: Any, replacement: Any, *, in_modules: tuple[str, ...]) -> None:
    """Replace ``original`` wherever a module has imported it by name."""
    for name, module in list(sys.modules.items()):
        if name.startswith(in_modules):
            for attribute, value in list(vars(module).items()):
                if value is original:
                    setattr(module, attribute, replacement)
