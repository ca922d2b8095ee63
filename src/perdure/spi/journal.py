"""The journal's text form: JSON Lines, one history event a line, versioned.

A line is an object with ``"k"`` (the kind, the event's class name) and the event's fields that
differ from their defaults. Payloads are JSON themselves and stand in the line as they are.
``WorkflowStarted`` carries ``"v"``, the version of the format: a reader refuses a newer one, since
it cannot know what it would lose.
"""

from __future__ import annotations

import dataclasses
import json
from json.encoder import encode_basestring_ascii as _quote
from typing import TYPE_CHECKING, Any

from perdure.errors import PayloadError
from perdure.spi import history
from perdure.spi.history import BufferedEvent, HistoryEvent, WorkflowStarted
from perdure.types import Failure, ParentLink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

JOURNAL_VERSION = 1

KINDS: dict[str, type[HistoryEvent]] = {
    kind.__name__: kind
    for kind in (
        history.WorkflowStarted,
        history.ActivityScheduled,
        history.ActivityCompleted,
        history.ActivityFailed,
        history.TimerCreated,
        history.TimerFired,
        history.ChildStarted,
        history.ChildCompleted,
        history.ChildFailed,
        history.EventReceived,
        history.Suspended,
        history.Resumed,
        history.Terminated,
        history.Completed,
        history.Failed,
        history.ContinuedAsNew,
    )
}
"""Every kind of the format, by its name in a line."""

_PAYLOADS = frozenset({"arguments", "result", "payload"})
_scan_once: Any = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # typeshed lacks it


def encode_event(event: HistoryEvent) -> str:
    """Return ``event`` as one line of ASCII or UTF-8 JSON, without the newline."""
    kind = type(event)
    parts = [f'{{"k":"{kind.__name__}","at_us":{event.at_us}']
    for name, key, default, encode in _FIELDS[kind]:
        value = getattr(event, name)
        if value is not default and value != default:
            parts.append(key)
            parts.append(encode(value))
    parts.append("}")
    return "".join(parts)


def encode_journal(events: Iterable[HistoryEvent]) -> str:
    """Return ``events`` as JSON Lines, without a newline at the end."""
    return "\n".join(map(encode_event, events))


def decode_event(line: str | bytes) -> HistoryEvent:
    """Return the event that ``line`` holds.

    Raises:
        PayloadError: It is not an entry of a journal, or one of a newer version of the format.
    """
    try:
        text = line if isinstance(line, str) else line.decode()
        data = json.loads(text)
        kind = KINDS[data.pop("k")]
        if kind is WorkflowStarted and (version := data.pop("v")) > JOURNAL_VERSION:
            raise PayloadError(
                what="journal",
                problem=f"written in version {version} of the format; this perdure reads up to "
                f"{JOURNAL_VERSION}, upgrade it",
            )
        return kind(**{name: _decode(name, value, text) for name, value in data.items()})
    except PayloadError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as err:
        excerpt = line[:80] if isinstance(line, str) else line[:80].decode(errors="replace")
        raise PayloadError(
            what="journal", problem=f"not an entry of a journal: {excerpt!r} ({err})"
        ) from err


def decode_journal(text: str) -> list[HistoryEvent]:
    """Return the events of a journal's text; blank lines are passed over.

    Raises:
        PayloadError: As :func:`decode_event`.
    """
    # Only "\n" ends a line: str.splitlines() would also split at separators that stand inside a
    # payload.
    return [decode_event(line) for line in text.split("\n") if line and not line.isspace()]


def failure_to_data(failure: Failure) -> dict[str, Any]:
    """Return ``failure`` as plain JSON data."""
    data: dict[str, Any] = {"type": failure.type, "message": failure.message}
    if failure.traceback:
        data["traceback"] = failure.traceback
    if failure.bases:
        data["bases"] = list(failure.bases)
    if failure.cause is not None:
        data["cause"] = failure_to_data(failure.cause)
    return data


def failure_from_data(data: dict[str, Any]) -> Failure:
    """Return the failure that :func:`failure_to_data` described; unknown keys are passed over."""
    cause = data.get("cause")
    return Failure(
        type=data["type"],
        message=data["message"],
        traceback=data.get("traceback", ""),
        bases=tuple(data.get("bases", ())),
        cause=failure_from_data(cause) if cause is not None else None,
    )


def _carried_text(carried: tuple[BufferedEvent, ...]) -> str:
    return (
        "["
        + ",".join(f'{{"name":{_quote(e.name)},"payload":{_one_line(e.payload)}}}' for e in carried)
        + "]"
    )


def _mapping_text(mapping: Any) -> str:
    return json.dumps(dict(mapping))


def _failure_text(failure: Failure) -> str:
    return json.dumps(failure_to_data(failure))


def _parent_text(parent: ParentLink) -> str:
    return json.dumps(dataclasses.asdict(parent))


def _one_line(payload: str) -> str:
    # In JSON a line break can only stand between tokens.
    return payload if "\n" not in payload else payload.replace("\n", " ")


_ENCODERS: dict[str, Callable[[Any], str]] = {
    "failure": _failure_text,
    "carried": _carried_text,
    "parent": _parent_text,
    "headers": _mapping_text,
    "tags": _mapping_text,
    **dict.fromkeys(_PAYLOADS, _one_line),
}


def _encoder(field: dataclasses.Field[Any]) -> Callable[[Any], str]:
    if field.name in _ENCODERS:
        return _ENCODERS[field.name]
    by_type: dict[str, Callable[[Any], str]] = {"int": str, "str": _quote}
    return by_type.get(str(field.type), json.dumps)


def _fields(kind: type[HistoryEvent]) -> list[tuple[str, str, Any, Callable[[Any], str]]]:
    rows: list[tuple[str, str, Any, Callable[[Any], str]]] = []
    if kind is WorkflowStarted:
        # Not a field: the version is of the text, and stands first in what every journal begins
        # with.
        rows.append(("__class__", f',"v":{JOURNAL_VERSION}', None, lambda _: ""))
    for field in dataclasses.fields(kind):
        if field.name == "at_us":
            continue
        default = (
            field.default
            if field.default_factory is dataclasses.MISSING
            else field.default_factory()
        )
        rows.append((field.name, f',"{field.name}":', default, _encoder(field)))
    return rows


_FIELDS = {kind: _fields(kind) for kind in KINDS.values()}


def _decode(name: str, value: Any, line: str) -> Any:
    if name in _PAYLOADS:
        return _as_it_stands(value, line, f',"{name}":')[0]
    if name == "carried":
        return _carried(value, line)
    if name == "failure":
        return failure_from_data(value)
    if name == "parent":
        return ParentLink(**value)
    return tuple(value) if name == "patches" else value


def _carried(events: list[dict[str, Any]], line: str) -> tuple[BufferedEvent, ...]:
    carried: list[BufferedEvent] = []
    at = line.find(',"carried":')
    for event in events:
        payload, at = _as_it_stands(event["payload"], line, ',"payload":', at)
        carried.append(BufferedEvent(name=event["name"], payload=payload))
    return tuple(carried)


def _as_it_stands(value: Any, line: str, mark: str, start: int = 0) -> tuple[str, int]:
    """Return the text of ``value`` after ``mark`` in ``line``, and where it ends.

    A payload comes back to the letter. In a line as :func:`encode_event` writes it the first mark
    is the right one, since a quote within a string would be escaped; in any other line, where the
    mark is missing or has another value, the payload comes back equal in meaning.
    """
    at = line.find(mark, start)
    if at >= 0:
        at += len(mark)
        found, end = _scan_once(line, at)
        if found == value:
            return line[at:end], end
    return json.dumps(value, separators=(",", ":")), start
