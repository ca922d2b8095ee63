"""The custom status on a vendor's wire: the workflow's own, and what perdure has to say beside it.

Mostly it is the workflow's own value, as any tool of the vendor shows it. In an envelope stand the
notes that nothing else carries yet, and why an instance is held.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perdure.spi.bridge.envelope import ENVELOPE_VERSION, MARK, is_marked, raw_text
from perdure.spi.bridge.notes import Note, decode_notes, encode_notes

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStatus:
    """What an instance shows.

    Attributes:
        custom_status_json: The status that its workflow set.
        held: Why no worker goes on with it, if none does.
        is_stalled: Whether that is since code, keys or an activity do not fit. Else no worker has
            the workflow, and the instance waits for one as if it were new.
        notes: What is dark of its history's end.
    """

    custom_status_json: str | None = None
    held: str | None = None
    is_stalled: bool = False
    notes: tuple[Note, ...] = ()


def encode_status(
    custom_status_json: str | None,
    *,
    notes: Sequence[Note] = (),
    held: str | None = None,
    is_stalled: bool = False,
) -> str | None:
    """Return the JSON text to show; ``None`` where there is nothing to show."""
    if not notes and held is None:
        return custom_status_json
    envelope: dict[str, Any] = {MARK: ENVELOPE_VERSION}
    if custom_status_json is not None:
        envelope["status"] = custom_status_json
    if notes:
        envelope["notes"] = encode_notes(notes)
    if held is not None:
        envelope["stalled" if is_stalled else "waiting"] = held
    return json.dumps(envelope, separators=(",", ":"))


def decode_status(json_text: str | None) -> ShownStatus:
    """Return what a custom status says. Never raises: what is no JSON is shown as a text."""
    if not json_text:
        return ShownStatus()
    try:
        value = json.loads(json_text)
    except ValueError:
        return ShownStatus(custom_status_json=raw_text(json_text))
    if not is_marked(value):
        return ShownStatus(custom_status_json=json_text)
    try:
        notes = tuple(decode_notes(value.get("notes", ())))
    except ValueError:
        notes = ()
    stalled = value.get("stalled")
    return ShownStatus(
        custom_status_json=value.get("status"),
        held=stalled if stalled is not None else value.get("waiting"),
        is_stalled=stalled is not None,
        notes=notes,
    )
