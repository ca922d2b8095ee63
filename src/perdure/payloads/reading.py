"""Reading the payloads of inputs: ahead of time where it takes long, so that nothing blocks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from perdure.payloads.envelope import Stored, is_marked
from perdure.payloads.places import (
    COMMAND_PAYLOADS,
    INPUT_PAYLOADS,
    changed,
    payloads_of,
    what_of,
    without_root,
)
from perdure.spi.history import ChildStarted, WorkflowStarted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perdure.payloads.pipeline import PayloadPipeline
    from perdure.spi.history import HistoryEvent

_INPUT = "a stored payload"


class Reading:
    """What was fetched for inputs that have not been delivered yet."""

    def __init__(self, pipeline: PayloadPipeline) -> None:
        self._pipeline = pipeline
        self._fetched: dict[str, tuple[str, str]] = {}

    def missing(self, events: Iterable[HistoryEvent]) -> list[str]:
        """Return the payloads of inputs that take long to read and were not fetched yet."""
        return [
            text
            for event in events
            if type(event) in INPUT_PAYLOADS
            for text in payloads_of(event)
            if self._pipeline.must_fetch(text) and text not in self._fetched
        ]

    async def fetch(self, missing: Iterable[str], *, root: str) -> None:
        """Fetch payloads; where they belong to another root than ``root``, copy them."""
        texts = list(dict.fromkeys(missing))
        read = await asyncio.gather(*(self._fetch(text, root) for text in texts))
        self._fetched.update(zip(texts, read, strict=True))

    def take(self, event: Any, *, root: str) -> tuple[HistoryEvent, HistoryEvent]:
        """Return an input with plain payloads, and the same as it is to be recorded."""
        field = INPUT_PAYLOADS.get(type(event))
        if field is None:
            return event, event
        is_start = type(event) is WorkflowStarted
        text = getattr(event, field)
        carried = event.carried if is_start else ()
        if not is_marked(text) and not carried and not (is_start and event.headers):
            return event, event
        plain_text, stored_text = self._read(text, what_of(event), root)
        plain: dict[str, Any] = {field: plain_text}
        stored: dict[str, Any] = {field: stored_text}
        if carried:
            both = [self._read(it.payload, what_of(event), root) for it in carried]
            plain["carried"], stored["carried"] = (
                tuple(
                    replace(it, payload=payloads[side])
                    for it, payloads in zip(carried, both, strict=True)
                )
                for side in (0, 1)
            )
        if is_start:
            plain["headers"] = without_root(event.headers)
        return replace(event, **plain), replace(event, **stored)

    async def _fetch(self, text: str, root: str) -> tuple[str, str]:
        plain = await self._pipeline.read_async(text, what=_INPUT, is_patient=True)
        if not self._pipeline.is_foreign(text, root=root):
            return plain, text
        stored = await self._pipeline.store_async(plain, root=root, what=_INPUT, is_patient=True)
        return plain, stored

    def _read(self, text: str, what: str, root: str) -> tuple[str, str]:
        if not is_marked(text):
            return text, text
        fetched = self._fetched.pop(text, None)
        if fetched is not None:
            return fetched
        plain = self._pipeline.read(text, what=what)
        if self._pipeline.is_foreign(text, root=root):
            return plain, self._pipeline.store(plain, root=root, what=what)
        return plain, text

    def journal(self, journal: Iterable[HistoryEvent], *, strict: bool) -> list[HistoryEvent]:
        """Return a journal for an executor: inputs plain, commands marked as stored.

        A strict one compares what the commands hold, so those are plain too.
        """
        command = self._plain_command if strict else _marked_command
        return [
            command(event) if event.is_command else self.take(event, root="")[0]
            for event in journal
        ]

    def _plain_command(self, event: Any) -> HistoryEvent:
        field = COMMAND_PAYLOADS.get(type(event))
        if field is None:
            return event  # type: ignore[no-any-return]
        changes: dict[str, Any] = {
            field: self._pipeline.read(getattr(event, field), what=what_of(event))
        }
        if type(event) is ChildStarted:
            changes["headers"] = without_root(event.headers)
        return changed(event, changes)


def _marked_command(event: Any) -> HistoryEvent:
    field = COMMAND_PAYLOADS.get(type(event))
    if field is None or not is_marked(getattr(event, field)):
        return event  # type: ignore[no-any-return]
    # A retry has the arguments of the first attempt; they must not be stored twice.
    return changed(event, {field: Stored(getattr(event, field))})
