"""What a subscriber sees of a stream: each chunk once, whatever was run again."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage

from perdure_langgraph.serde import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure.streams import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphChunk:
    """What a subscriber gets.

    Attributes:
        sequence: Its place in the stream, from 0 on without gaps.
        namespace: The sub-graph that it is of; empty for the graph itself.
        mode: The stream mode that it is of.
        payload: What LangGraph streams in that mode.
        is_live: Whether it came while the run went on, not with the answer.
    """

    sequence: int
    namespace: tuple[str, ...]
    mode: str
    payload: Any
    is_live: bool


class StreamView:
    """Makes the chunks of a stream of its live pieces, and then of those of the durable answer."""

    def __init__(self) -> None:
        self._sequence = 0
        self._calls: dict[tuple[str, int], _CallView] = {}
        # What nodes have said live, and the durable order has not come to.
        self._ahead: Counter[str] = Counter()
        self._seen: set[int] = set()

    def take(self, piece: Json) -> Iterator[GraphChunk]:
        """Yield what a live piece adds."""
        if piece["kind"] == "loop":
            yield from self._durable(piece["index"], decode(piece["chunk"]), is_live=True)
        elif piece["kind"] == "node":
            call = self._calls.setdefault((piece["call"], piece["attempt"]), _CallView())
            chunk = decode(piece["chunk"])
            key = _key_of(chunk)
            if call.is_new(piece["execution"], key):
                self._ahead[key] += 1
                yield self._chunk(chunk, is_live=True)

    def rest(self, chunks: list[Any]) -> Iterator[GraphChunk]:
        """Yield what the answer has, and was not seen live."""
        for index, chunk in enumerate(chunks):
            yield from self._durable(index, chunk, is_live=False)

    def _durable(self, index: int, chunk: list[Any], *, is_live: bool) -> Iterator[GraphChunk]:
        if index in self._seen:
            return
        self._seen.add(index)
        key = _key_of(chunk)
        if self._ahead[key] > 0:
            self._ahead[key] -= 1
            return
        yield self._chunk(chunk, is_live=is_live)

    def _chunk(self, chunk: list[Any], *, is_live: bool) -> GraphChunk:
        namespace, mode, payload = chunk
        made = GraphChunk(
            sequence=self._sequence,
            namespace=tuple(namespace),
            mode=mode,
            payload=_as_streamed(mode, payload),
            is_live=is_live,
        )
        self._sequence += 1
        return made


@dataclass
class _CallView:
    """What was seen of one attempt of one node, which several workers may have run.

    Attributes:
        execution: The one that speaks.
        superseded: Those that are not heard any more.
        shown: What was seen of it, by how often.
        repeated: What the present execution may still say without being seen again.
    """

    execution: str = ""
    superseded: set[str] = field(default_factory=set)
    shown: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)

    def is_new(self, execution: str, key: str) -> bool:
        if execution in self.superseded:
            return False
        if execution != self.execution:
            self.superseded.add(self.execution)
            self.execution = execution
            self.repeated = Counter(self.shown)
        if self.repeated[key] > 0:
            self.repeated[key] -= 1
            return False
        self.shown[key] += 1
        return True


def _key_of(chunk: list[Any]) -> str:
    """Return what is the same for a chunk and its repetition: messages have other ids then."""
    namespace, mode, payload = chunk
    if mode == "messages" and isinstance(payload[0], BaseMessage):
        message = payload[0].model_dump(exclude={"id", "response_metadata"})
        node = payload[1].get("langgraph_checkpoint_ns")
        return json.dumps([list(namespace), mode, node, message], sort_keys=True, default=str)
    return encode([list(namespace), mode, payload], what="a chunk")


def _as_streamed(mode: str, payload: Any) -> Any:
    """Return the payload with the tuples that LangGraph makes, which the store makes lists."""
    if mode in ("messages", "tools") and isinstance(payload, list):
        return tuple(payload)
    if mode in ("updates", "values") and isinstance(payload, dict):
        interrupts = payload.get("__interrupt__")
        if isinstance(interrupts, list):
            return {**payload, "__interrupt__": tuple(interrupts)}
    return payload
