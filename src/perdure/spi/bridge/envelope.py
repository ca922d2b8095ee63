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
from perdure.types import EMPTY, OnParentEnd, ParentLink

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_T = TypeVar("_T", bool, int, str)

MARK = "perdure"
ENVELOPE_VERSION = 1

_INSTANTS = ("created_us", "start_at_us", "execution_timeout_us", "execution_deadline_us")
_TEXTS = ("custom_status", "prefix", "python", "version")
_PLAIN = (*_INSTANTS, *_TEXTS, "sequence", "is_detached", "repeats")

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

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
        heard: The ids of the events heard last, so that one that comes again is known.
        created_us: When the instance was asked for.
        start_at_us: When its first run is to begin, if later.
        execution_timeout_us: How long after its first run began the instance fails by itself.
        execution_deadline_us: That as an instant, once it is known.
        on_parent_end: What becomes of a child when its parent ends.
        is_detached: Whether it is a child that the vendor does not know as one.
        prefix: The journal that the run begins with, in its text form, where it is a rerun.
        repeats: Whether the last entry of ``prefix`` is an input to be delivered once more.
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
    heard: tuple[str, ...] = ()
    created_us: int | None = None
    start_at_us: int | None = None
    execution_timeout_us: int | None = None
    execution_deadline_us: int | None = None
    on_parent_end: OnParentEnd = "terminate"
    is_detached: bool = False
    prefix: str = ""
    repeats: bool = False
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
    if start.heard:
        envelope["heard"] = list(start.heard)
    if start.seed != start.run_id:
        envelope["seed"] = start.seed
    if start.patches is not None:
        envelope["patches"] = list(start.patches)
    envelope.update(_family(start))
    for name in ("headers", "tags"):
        if mapping := getattr(start, name):
            envelope[name] = dict(mapping)
    for name in _PLAIN:
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
            heard=tuple(map(_text, value.get("heard", ()))),
            **{name: _number(value, name) for name in _INSTANTS},
            on_parent_end="abandon" if value.get("on_parent_end") == "abandon" else "terminate",
            is_detached=_of(bool, value.get("is_detached", False)),
            prefix=_text(value.get("prefix", "")),
            repeats=_of(bool, value.get("repeats", False)),
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
    return _encode(envelope)


def damaged(what: str, error: Exception) -> PayloadError:
    """Return the error for an envelope that is not whole."""
    problem = f"a damaged envelope: {type(error).__name__}: {error}"
    return PayloadError(what=what, problem=problem)


def _family(start: StartEnvelope) -> Envelope:
    family: Envelope = {}
    if start.parent is not None:
        family["parent"] = asdict(start.parent)
    if start.on_parent_end == "abandon":
        family["on_parent_end"] = "abandon"
    return family


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


def _number(values: Any, name: str) -> int | None:
    value = values.get(name)
    return None if value is None else _of(int, value)


def _text(value: object) -> str:
    return _of(str, value)


def _of(kind: type[_T], value: object) -> _T:
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, not {type(value).__name__}")
    return value
