"""Stored payloads as people and programs read them.

One that this process cannot open, for want of a key or of the store, is told of by what it is.
"""

from __future__ import annotations

import json

from perdure.cli.text import plain, plain_lines

_MARK = '"$perdure"'


def compact_json(text: str | None) -> str:
    """Return stored JSON on one line, as people read it; what is not JSON is shown as it is."""
    if text is None:
        return ""
    if sealed := _sealed(text):
        return sealed
    try:
        return plain(json.dumps(json.loads(text), ensure_ascii=False, separators=(", ", ": ")))
    except ValueError:
        return plain(text)


def pretty_json(text: str | None) -> str:
    """Return stored JSON on several lines."""
    if text is not None and (sealed := _sealed(text)):
        return sealed
    try:
        value = json.loads("null" if text is None else text)
    except ValueError:
        return plain_lines(text or "")
    return plain_lines(json.dumps(value, ensure_ascii=False, indent=2))


def argument_words(text: str) -> str:
    """Return stored arguments in short: their values alone, since their order tells them apart."""
    if _sealed(text):
        return "(sealed)"
    value = json_value(text)
    if not isinstance(value, dict):
        return compact_json(text)
    words = (
        each if isinstance(each, str) else json.dumps(each, ensure_ascii=False)
        for each in value.values()
    )
    return plain(" ".join(words))


def json_value(text: str | None) -> object:
    """Return stored JSON as a value; what is not JSON is its text."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _sealed(text: str) -> str:
    """Return words for a payload that could not be opened; nothing for any other."""
    if _MARK not in text[:40]:
        return ""
    from perdure.errors import PayloadError
    from perdure.payloads.envelope import is_marked, parse

    if not is_marked(text):
        return ""
    try:
        envelope = parse(text, what="payload")
    except PayloadError:
        return "(damaged payload)"
    codecs = ", ".join(envelope.codecs)
    if envelope.reference is not None:
        how = f"; {codecs}" if codecs else ""
        return plain(f"(not readable here: in the payload store, {envelope.reference.size} B{how})")
    return plain(f"(not readable here: {codecs}, {len(envelope.data or b'')} B)")
