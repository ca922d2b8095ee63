"""What a subscriber sees of a stream: each piece once, whatever was tried again."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agent_framework import ChatResponseUpdate

from perdure_agent_framework.streaming.answers import ChunkKind, Json, StreamChunk

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEXTS = frozenset({"text", "text_reasoning"})
_RANDOM = ("id", "raw_representation")


class StreamView:
    """Makes a stream's chunks of its pieces, in their order. The same pieces give the same."""

    def __init__(self, stream_id: str) -> None:
        self._stream_id = stream_id
        self._calls: dict[int, _CallView] = {}
        self._sequence = 0

    def take(self, piece: Json) -> Iterator[StreamChunk]:
        """Yield what the next piece adds."""
        if piece["kind"] == "cut":
            yield self._chunk({"call": 0, "attempt": 0, "agent": None}, "cut", None)
            return
        call = self._calls.setdefault(piece["call"], _CallView())
        if not call.follows(piece):
            return
        for update in call.answered() if piece["kind"] == "answered" else call.take(piece):
            yield self._chunk(piece, "restart" if update is None else "update", update)

    def _chunk(self, piece: Json, kind: ChunkKind, update: Json | None) -> StreamChunk:
        chunk = StreamChunk(
            stream_id=self._stream_id,
            sequence=self._sequence,
            call=piece["call"],
            attempt=piece["attempt"],
            agent=piece["agent"],
            kind=kind,
            update=None if update is None else ChatResponseUpdate.from_dict(update),
        )
        self._sequence += 1
        return chunk


@dataclass
class _CallView:
    """What was shown of one call, and how far the present attempt has repeated it.

    Attributes:
        attempt: The attempt that speaks.
        execution: Its execution; earlier ones that go on speaking are not heard.
        superseded: The executions that are not heard any more.
        shown: What the subscriber has seen, as atoms.
        repeated: What the present attempt has repeated of it; ``None`` once it says new things.
        held: Updates of the present attempt that repeat what was shown.
    """

    attempt: int = 0
    execution: str = ""
    superseded: set[str] = field(default_factory=set)
    shown: list[_Atom] = field(default_factory=list)
    repeated: list[_Atom] | None = None
    held: list[Json] = field(default_factory=list)

    def follows(self, piece: Json) -> bool:
        """Return whether ``piece`` is of the newest execution, which it may have begun."""
        execution = piece["execution"]
        if execution == self.execution:
            return True
        if execution in self.superseded or piece["attempt"] < self.attempt:
            return False
        self.superseded.add(self.execution)
        self.execution, self.attempt = execution, piece["attempt"]
        self.repeated = [] if self.shown else None
        self.held = []
        return True

    def take(self, piece: Json) -> Iterator[Json | None]:
        """Yield the updates to show; ``None`` stands for a restart."""
        update: Json = piece["update"]
        atoms = _atoms_of(update)
        if self.repeated is None:
            _extend(self.shown, atoms)
            yield update
            return
        self.held.append(update)
        _extend(self.repeated, atoms)
        if _begins_with(self.shown, self.repeated):
            if self.shown == self.repeated:
                self.repeated = None
            return
        if not _begins_with(self.repeated, self.shown):
            yield from self._restart()
            return
        yield {**update, "contents": _behind(update["contents"], self.shown, self.repeated)}
        self.shown, self.repeated = self.repeated, None

    def answered(self) -> Iterator[Json | None]:
        """Yield what is to be shown now that the attempt has said everything."""
        if self.repeated is not None:
            yield from self._restart()

    def _restart(self) -> Iterator[Json | None]:
        yield None
        yield from self.held
        self.shown, self.repeated = self.repeated or [], None


@dataclass(frozen=True, slots=True)
class _Atom:
    """A content as far as repetition is concerned: text of a kind, or anything else as JSON."""

    kind: str
    text: str

    @classmethod
    def of(cls, content: Json) -> _Atom:
        kind = content["type"]
        if kind in _TEXTS:
            return cls(kind, content.get("text") or "")
        if kind == "usage":
            # Two attempts that say the same may well have cost a little more or less.
            return cls(kind, "")
        named = {name: value for name, value in content.items() if name not in _RANDOM}
        return cls(kind, json.dumps(named, sort_keys=True))


def _atoms_of(update: Json) -> list[_Atom]:
    atoms = [_Atom.of(content) for content in update.get("contents") or ()]
    replaces = update.get("merge_mode") == "replace"
    return [_Atom("replace", ""), *atoms] if replaces else atoms


def _extend(said: list[_Atom], atoms: list[_Atom]) -> None:
    """Add atoms, texts of one kind joined: attempts may cut the same text differently."""
    for atom in atoms:
        if atom.kind in _TEXTS and said and said[-1].kind == atom.kind:
            said[-1] = _Atom(atom.kind, said[-1].text + atom.text)
        elif atom.kind not in _TEXTS or atom.text:
            said.append(atom)


def _begins_with(whole: list[_Atom], part: list[_Atom]) -> bool:
    if not part:
        return True
    last = len(part) - 1
    if len(whole) <= last or whole[:last] != part[:last]:
        return False
    if part[last] == whole[last]:
        return True
    is_text = part[last].kind in _TEXTS and part[last].kind == whole[last].kind
    return is_text and whole[last].text.startswith(part[last].text)


def _behind(contents: list[Any], shown: list[_Atom], said: list[_Atom]) -> list[Any]:
    """Return the contents, the last that were said, without what was shown of them."""
    # From the end: so much is new, in whole atoms and in characters of the first of them.
    new = [_Atom(atom.kind, atom.text) for atom in said[len(shown) :]]
    if shown and len(said[len(shown) - 1].text) > len(shown[-1].text):
        rest = said[len(shown) - 1].text[len(shown[-1].text) :]
        new.insert(0, _Atom(shown[-1].kind, rest))
    left = sum(max(len(atom.text), 1) for atom in new)
    kept: list[Any] = []
    for content in reversed(contents):
        if left <= 0:
            break
        atom = _Atom.of(content)
        size = max(len(atom.text), 1) if atom.kind not in _TEXTS else len(atom.text)
        if atom.kind in _TEXTS and size > left:
            content = {**content, "text": atom.text[-left:]}
        left -= size
        kept.insert(0, content)
    return kept
