"""Envelopes: what perdure puts on another vendor's wire, as plain ASCII JSON objects.

Each has the key ``"perdure"`` with the version of this format. What lacks it comes from somebody
else's client and is taken as it is. Payloads stand in an envelope as JSON text, not as JSON values:
SDKs read values with hooks of their own (one turns an object with a certain key into another type,
another turns every falsy value into null) and would damage them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from perdure.errors import PayloadError
from perdure.spi.history import BufferedEvent
from perdure.types import EMPTY, ParentLink

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_T = TypeVar("_T", int, str)

MARK = "perdure"
ENVELOPE_VERSION = 1

_SCALARS = ("execution_deadline_us", "sequence", "custom_status", "python", "version")

Envelope = dict[str, Any]
"""A JSON object that carries the mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartEnvelope:
    """The input of a run.

    Attributes:
        patches: Those the workflow's code declared when the run began; ``None`` until its first
            execution.
        carried: Events that the run before has received and not consumed.
        pending: Events that came when the run before was over; not in any journal yet.
        sequence: Where the vendor's numbering of commands goes on, so that a late answer to a
            command of the run before is not taken for one of this run.
        custom_status: What the run before showed last.
        python: Version of Python that wrote this.
        version: Version of perdure that wrote this.
    """

    run_id: str
    seed: str
    arguments: str
    patches: tuple[str, ...] | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    tags: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    parent: ParentLink | None = None
    carried: tuple[BufferedEvent, ...] = ()
    pending: tuple[BufferedEvent, ...] = ()
    execution_deadline_us: int | None = None
    sequence: int = 0
    custom_status: str | None = None
    python: str = ""
    version: str = ""


def is_marked(value: object) -> bool:
    """Return whether ``value`` is an envelope, of whatever version."""
    return isinstance(value, dict) and type(value.get(MARK)) is int


def is_too_new(value: object) -> bool:
    """Return whether ``value`` is an envelope of a version that this perdure cannot read."""
    return isinstance(value, dict) and is_marked(value) and value[MARK] > ENVELOPE_VERSION


def encode_start(start: StartEnvelope) -> Envelope:
    """Return the envelope of a run's input. What has its default is left out."""
    envelope: Envelope = {
        MARK: ENVELOPE_VERSION,
        "run_id": start.run_id,
        "arguments": start.arguments,
    }
    for name in ("carried", "pending"):
        if events := getattr(start, name):
            envelope[name] = [event_item(event) for event in events]
    if start.seed != start.run_id:
        envelope["seed"] = start.seed
    if start.patches is not None:
        envelope["patches"] = list(start.patches)
    if start.parent is not None:
        envelope["parent"] = asdict(start.parent)
    for name in ("headers", "tags"):
        if mapping := getattr(start, name):
            envelope[name] = dict(mapping)
    for name in _SCALARS:
        if value := getattr(start, name):
            envelope[name] = value
    return envelope


def decode_start(value: object) -> StartEnvelope | None:
    """Return a run's input; ``None`` where it is raw input of somebody else's client.

    Raises:
        PayloadError: It is an envelope, and not whole.
    """
    if not isinstance(value, dict) or not is_marked(value):
        return None
    try:
        patches = value.get("patches")
        parent = value.get("parent")
        deadline_us = value.get("execution_deadline_us")
        status = value.get("custom_status")
        return StartEnvelope(
            run_id=_text(value["run_id"]),
            seed=_text(value.get("seed", value["run_id"])),
            arguments=_text(value["arguments"]),
            patches=None if patches is None else tuple(map(_text, patches)),
            headers=_mapping(value.get("headers", EMPTY)),
            tags=_mapping(value.get("tags", EMPTY)),
            parent=None if parent is None else _parent(parent),
            carried=_events(value.get("carried", ())),
            pending=_events(value.get("pending", ())),
            execution_deadline_us=_of(int, deadline_us) if deadline_us is not None else None,
            sequence=_of(int, value.get("sequence", 0)),
            custom_status=_text(status) if status is not None else None,
            python=_text(value.get("python", "")),
            version=_text(value.get("version", "")),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        raise damaged("input of a workflow", err) from err


def event_item(event: BufferedEvent) -> Envelope:
    """Return an event, as it stands among those that go on to the next run."""
    return {"name": event.name, "payload": event.payload}


def raw_text(value: object) -> str:
    """Return JSON text of what an SDK has read from somebody else's payload."""
    # vars(): the SDKs turn some objects into a SimpleNamespace while they read.
    return json.dumps(value, separators=(",", ":"), default=vars)


def to_text(envelope: Envelope) -> str:
    """Return an envelope as ASCII JSON text, for a client that takes text."""
    return json.dumps(envelope, separators=(",", ":"), allow_nan=False)


def damaged(what: str, error: Exception) -> PayloadError:
    """Return the error for an envelope that is not whole."""
    problem = f"a damaged envelope: {type(error).__name__}: {error}"
    return PayloadError(what=what, problem=problem)


def _events(items: Iterable[Any]) -> tuple[BufferedEvent, ...]:
    return tuple(
        BufferedEvent(name=_text(item["name"]), payload=_text(item["payload"])) for item in items
    )


def _mapping(items: Any) -> dict[str, str]:
    return {_text(name): _text(item) for name, item in items.items()}


def _parent(link: Any) -> ParentLink:
    return ParentLink(
        instance_id=_text(link["instance_id"]),
        run_id=_text(link["run_id"]),
        command_id=_of(int, link["command_id"]),
    )


def _text(value: object) -> str:
    return _of(str, value)


def _of(kind: type[_T], value: object) -> _T:
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, not {type(value).__name__}")
    return value
