"""Transcripts in the payload store, as the activities of model calls write and read them.

An object has the messages that are new since the one that it builds upon, and a list of the older
objects. Neighbours are merged so that each is at least twice as large as the next: a transcript of
n messages is read from about log n objects, and each message is written about log n times.
"""

from __future__ import annotations

import json
import uuid
from collections import OrderedDict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from perdure import Blob, PayloadError, PayloadStoreError, PerdureError
from perdure.payloads.home import current_home
from perdure_agent_framework.models.transcripts import (
    Json,
    StoredTranscript,
    cumulative_digests,
    digest_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

WORTH_STORING_BYTES = 4 * 1024
"""Shorter transcripts are sent in full: a reference to one costs nearly as much."""

_CACHE_BYTES = 64 * 1024 * 1024


class TranscriptLostError(PerdureError):
    """A stored transcript cannot be read any more, or is not what it was; it must be sent anew."""


class Objects(Protocol):
    """Where objects are written and read."""

    async def write(self, data: bytes) -> Json:
        """Write an object; return the reference to it."""

    async def read(self, reference: Json) -> bytes:
        """Return the object.

        Raises:
            PayloadError: It is not there any more, or altered.
            PayloadStoreError: The store cannot be reached.
            TranscriptLostError: It was only ever in memory.
        """


class BlobObjects:
    """Objects in the payload store, under the root of the workflow that the activity is of."""

    async def write(self, data: bytes) -> Json:
        """Write an object; return the reference to it."""
        blob = await Blob.upload([data])
        return {**asdict(blob), "codecs": list(blob.codecs)}

    async def read(self, reference: Json) -> bytes:
        """Return the object."""
        blob = Blob(**{**reference, "codecs": tuple(reference["codecs"])})
        return b"".join([piece async for piece in blob.stream()])


class MemoryObjects:
    """Objects that are only in the cache of this process, where there is no payload store.

    After a restart, or on another worker, the workflow is asked to send everything once more.
    """

    async def write(self, data: bytes) -> Json:
        """Return a reference; whoever writes puts the object into the cache."""
        return {"memory": uuid.uuid4().hex}

    async def read(self, reference: Json) -> bytes:
        """Say that it is not there: the cache was asked before."""
        raise TranscriptLostError("it was in the memory of a worker; with a payload store it lasts")


class ObjectCache:
    """Objects that this process has written or read lately."""

    def __init__(self, max_bytes: int = _CACHE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._objects: OrderedDict[str, bytes] = OrderedDict()

    def get(self, reference: Json) -> bytes | None:
        """Return an object, if it is here."""
        key = digest_of(reference)
        if key in self._objects:
            self._objects.move_to_end(key)
        return self._objects.get(key)

    def put(self, reference: Json, data: bytes) -> None:
        """Keep an object, in place of those that were used least lately."""
        key = digest_of(reference)
        self._bytes += len(data) - len(self._objects.pop(key, b""))
        self._objects[key] = data
        while self._bytes > self._max_bytes:
            self._bytes -= len(self._objects.popitem(last=False)[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Messages of one object, in their order.

    Attributes:
        reference: The object; ``None`` if it is not written yet.
        messages: Those of its messages that count.
        size: How many bytes they have.
    """

    reference: Json | None
    messages: list[Json]
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What a model call sends, with where it came from.

    Attributes:
        messages: All of them.
        options: The options.
        parts: The objects that have the first of the messages.
        new: The messages that are in none.
    """

    messages: list[Json]
    options: Json
    parts: tuple[_Part, ...]
    new: list[Json]


class TranscriptStore:
    """Reads and writes transcripts.

    Args:
        objects: Where objects are.
        cache: What this process knows.
        worth_storing_bytes: How long a transcript must be to be stored.
    """

    def __init__(
        self,
        objects: Objects,
        cache: ObjectCache,
        *,
        worth_storing_bytes: int = WORTH_STORING_BYTES,
    ) -> None:
        self._objects = objects
        self._cache = cache
        self._worth_storing_bytes = worth_storing_bytes

    async def load(self, request: Json) -> Transcript:
        """Return what a request of ``TranscriptMemory.request`` stands for.

        Raises:
            TranscriptLostError: What it builds upon is gone, altered, or out of reach.
        """
        new: list[Json] = request["messages"]
        base = request.get("base")
        if base is None:
            return Transcript(messages=new, options=request["options"], parts=(), new=new)
        try:
            options, parts = await self._parts(base["reference"], base["count"])
        except TranscriptLostError:
            raise
        except (PayloadError, PayloadStoreError, KeyError, ValueError, TypeError) as err:
            raise TranscriptLostError(str(err)) from err
        old = [message for part in parts for message in part.messages]
        if list(cumulative_digests(old))[-1] != base["digest"]:
            raise TranscriptLostError("it is not what an earlier call had stored")
        return Transcript(
            messages=[*old, *new],
            options=request.get("options", options),
            parts=tuple(parts),
            new=new,
        )

    async def save(self, transcript: Transcript, answer: list[Json]) -> StoredTranscript | None:
        """Store what was sent and what was answered; ``None`` if it is not worth it.

        Raises:
            PayloadStoreError: The store cannot be reached.
        """
        parts = [*transcript.parts, _new_part([*transcript.new, *answer])]
        if sum(part.size for part in parts) < self._worth_storing_bytes:
            return None
        # The newest part takes in those before it that are not much larger.
        while len(parts) > 1 and parts[-2].size < 2 * parts[-1].size:
            newest = parts.pop()
            parts[-1] = _new_part([*parts[-1].messages, *newest.messages])
        older = [
            {"reference": part.reference, "count": len(part.messages), "size": part.size}
            for part in parts[:-1]
        ]
        data = {"options": transcript.options, "older": older, "messages": parts[-1].messages}
        encoded = json.dumps(data).encode()
        reference = await self._objects.write(encoded)
        self._cache.put(reference, encoded)
        sent = len(transcript.messages)
        digests = list(cumulative_digests([*transcript.messages, *answer]))
        return StoredTranscript(
            reference=reference,
            sent=sent,
            sent_digest=digests[sent],
            total=len(digests) - 1,
            total_digest=digests[-1],
            options_digest=digest_of(transcript.options),
        )

    async def _parts(self, reference: Json, count: int) -> tuple[Json, list[_Part]]:
        """Return the options of a transcript, and the parts of its first ``count`` messages."""
        newest = await self._object(reference)
        parts: list[_Part] = []
        left = count
        for entry in [*newest["older"], {"reference": reference, "count": left, "size": None}]:
            if left == 0:
                break
            data = newest if entry["size"] is None else await self._object(entry["reference"])
            messages = data["messages"][: min(entry["count"], left)]
            left -= len(messages)
            parts.append(
                _Part(reference=entry["reference"], messages=messages, size=_size(messages))
            )
        return newest["options"], parts

    async def _object(self, reference: Json) -> Mapping[str, Any]:
        data = self._cache.get(reference)
        if data is None:
            data = await self._objects.read(reference)
            self._cache.put(reference, data)
        found: Mapping[str, Any] = json.loads(data)
        return found


def transcript_store() -> TranscriptStore:
    """Return the store of the activity that runs here."""
    home = current_home()
    has_store = home is not None and home.pipeline.keeper is not None
    return TranscriptStore(BlobObjects() if has_store else MemoryObjects(), _cache)


def _new_part(messages: list[Json]) -> _Part:
    return _Part(reference=None, messages=messages, size=_size(messages))


def _size(messages: list[Json]) -> int:
    return sum(len(json.dumps(message)) for message in messages)


_cache = ObjectCache()
