"""The pipeline: from the JSON text of a value to what a backend stores, and back.

Where no codec and no store is configured, texts pass as they are: only what looks like an envelope
is put into one.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING

from perdure.errors import PayloadError, PayloadTooLargeError, PluginError
from perdure.payloads._json import MAX_PAYLOAD_BYTES
from perdure.payloads.codecs import load_codec
from perdure.payloads.encryption import AesGcm
from perdure.payloads.envelope import (
    Stored,
    escaped,
    has_reference,
    is_marked,
    parse,
    with_data,
    with_reference,
)
from perdure.payloads.keeper import Keeper
from perdure.payloads.secret import use_keys
from perdure.payloads.settings import DEFAULT_THRESHOLD, Payloads
from perdure.payloads.store import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.payloads.codecs import Codec
    from perdure.payloads.envelope import Envelope

INLINE_BUDGET = 1024 * 1024
LOWERED_THRESHOLD = 2 * 1024
HEAVY = 64 * 1024
"""From so many characters on, coding is not for the event loop."""

_ENVELOPE_BYTES = 128
_SLACK_BYTES = 4096
_REMEDY = "set PERDURE_PAYLOADS to a store that all workers reach, for example s3://bucket/perdure"


class Budget:
    """How much a run has stored inline. Beyond the budget, only small payloads still are."""

    __slots__ = ("__weakref__", "spent")

    def __init__(self) -> None:
        self.spent = 0

    def lowered(self, threshold: int) -> int:
        """Return the threshold that holds for the run now."""
        return threshold if self.spent < INLINE_BUDGET else min(threshold, LOWERED_THRESHOLD)


class PayloadPipeline:
    """What is done to each payload. Used by several threads at once.

    Attributes:
        keeper: What reaches the store, if there is one.
        threshold: From how many bytes on a payload goes to the store.
        limit: How many bytes the backend takes at most, if it says so.
        is_simple: Everything is stored as it is, but for what looks like an envelope.
        budgets: Those of the runs that are loaded in this process, by their ids.
    """

    def __init__(
        self,
        *,
        codecs: Sequence[Codec] = (),
        readable: Sequence[Codec] = (),
        keeper: Keeper | None = None,
        threshold: int = DEFAULT_THRESHOLD,
        limit: int | None = None,
    ) -> None:
        """Put a pipeline together.

        Args:
            codecs: Applied to each payload, in order.
            readable: Further codecs that stored payloads may need.
            keeper: What reaches the store.
            threshold: From how many bytes on a payload goes to the store.
            limit: How many bytes the backend takes.
        """
        self.keeper = keeper
        self.limit = limit
        self.is_simple = not codecs and keeper is None and limit is None
        self.budgets: weakref.WeakValueDictionary[str, Budget] = weakref.WeakValueDictionary()
        self._codecs = tuple(codecs)
        self._readable = {codec.name: codec for codec in (*readable, *codecs)}
        self.threshold = threshold

    # -- looking at a text -----------------------------------------------------------------------

    def passes(self, text: str, budget: Budget | None = None) -> bool:
        """Return whether ``text`` is stored as it is."""
        if type(text) is Stored:
            return True
        if self._codecs or is_marked(text):
            return False
        size = len(text)
        if self.keeper is not None and size > self._limit_of(budget) // 4:
            return _bytes(text) <= self._limit_of(budget)
        return self.limit is None or size <= self.limit // 4 or _bytes(text) <= self.limit

    def is_heavy(self, text: str, budget: Budget | None = None) -> bool:
        """Return whether storing ``text`` takes so long that an event loop should not wait."""
        if type(text) is Stored:
            return False
        size = len(text)
        return size > HEAVY or (self.keeper is not None and size > self._limit_of(budget) // 4)

    def must_fetch(self, stored: str) -> bool:
        """Return whether reading ``stored`` takes so long that an event loop should not wait."""
        return is_marked(stored) and (len(stored) > HEAVY or has_reference(stored))

    # -- storing ---------------------------------------------------------------------------------

    def store(self, text: str, *, root: str, what: str, budget: Budget | None = None) -> str:
        """Return the stored form of ``text``. May block for long where it is heavy.

        Raises:
            PayloadStoreError: The store cannot be reached.
            PayloadTooLargeError: The backend does not take so much, and there is no store.
        """
        if self.passes(text, budget):
            return text
        names, data = self._encoded(text)
        inline = self._inline(text, names, data, what=what, budget=budget)
        if inline is not None:
            return inline
        assert self.keeper is not None
        return with_reference(names, self.keeper.put(data, root=root, what=what))

    async def store_async(
        self,
        text: str,
        *,
        root: str,
        what: str,
        budget: Budget | None = None,
        is_patient: bool = False,
    ) -> str:
        """Do as :meth:`store` without blocking the event loop.

        Args:
            text: The JSON text.
            root: The instance that an object will belong to.
            what: What it is, for messages.
            budget: That of the run.
            is_patient: Try for minutes to reach the store; for workers, which nobody waits for.
        """
        if self.passes(text, budget):
            return text
        if not self.is_heavy(text, budget):
            return self.store(text, root=root, what=what, budget=budget)
        names, data = await asyncio.to_thread(self._encoded, text)
        inline = self._inline(text, names, data, what=what, budget=budget)
        if inline is not None:
            return inline
        assert self.keeper is not None
        reference = await self.keeper.put_async(data, root=root, what=what, is_patient=is_patient)
        return with_reference(names, reference)

    def store_inline(self, text: str, *, what: str) -> str:
        """Return the stored form of what must not depend on the store.

        Raises:
            PayloadTooLargeError: The backend does not take so much.
        """
        if type(text) is Stored or not (self._codecs or is_marked(text)):
            return text
        names, data = self._encoded(text)
        if names:
            return with_data(names, data)
        return escaped(text) if is_marked(text) else text

    def check(self, text: str, *, what: str) -> None:
        """See to it that ``text`` can be stored, before anything depends on it.

        Raises:
            PayloadTooLargeError: The backend does not take so much, and there is no store.
        """
        if self.keeper is None and self.limit is not None and len(text) > self.limit // 4:
            self.store(text, root="", what=what)

    # -- reading ---------------------------------------------------------------------------------

    def read(self, stored: str, *, what: str) -> str:
        """Return the JSON text of a stored payload; what is not ours is returned as it is.

        Raises:
            PayloadError: It is damaged, or cannot be decoded here.
            PayloadStoreError: The store cannot be reached.
        """
        if not is_marked(stored):
            return stored
        envelope = parse(stored, what=what)
        if envelope.plain is not None:
            return envelope.plain
        data = envelope.data
        if envelope.reference is not None:
            data = self._keeper(what).get(envelope.reference, what=what)
        assert data is not None
        return self._decoded(data, envelope, what)

    async def read_async(self, stored: str, *, what: str, is_patient: bool = False) -> str:
        """Do as :meth:`read` without blocking the event loop."""
        if not is_marked(stored):
            return stored
        envelope = parse(stored, what=what)
        if envelope.reference is None:
            if len(stored) <= HEAVY:
                return self.read(stored, what=what)
            return await asyncio.to_thread(self.read, stored, what=what)
        keeper = self._keeper(what)
        data = await keeper.get_async(envelope.reference, what=what, is_patient=is_patient)
        return await asyncio.to_thread(self._decoded, data, envelope, what)

    @property
    def piece_codecs(self) -> tuple[str, ...]:
        """The codecs of the pieces of blobs, each of which says itself whether it was applied."""
        return tuple(codec.name for codec in self._codecs)

    def encode_piece(self, data: bytes) -> bytes:
        """Return a piece of a blob as it is stored: a byte of flags for the codecs, then data."""
        if not self._codecs:
            return data
        flags = 0
        for number, codec in enumerate(self._codecs):
            encoded = codec.encode(data)
            if encoded is not None:
                data, flags = encoded, flags | 1 << number
        return bytes((flags,)) + data

    def decode_piece(self, data: bytes, codecs: Sequence[str], *, what: str, limit: int) -> bytes:
        """Return what :meth:`encode_piece` was given.

        Raises:
            PayloadError: It is damaged, or cannot be decoded here.
        """
        if not codecs:
            return data
        flags = data[0] if data else 0
        applied = [name for number, name in enumerate(codecs) if flags >> number & 1]
        return self._unpacked(data[1:], applied, what, limit=limit)

    def is_foreign(self, stored: str, *, root: str) -> bool:
        """Return whether the bytes of ``stored`` belong to another root, and may go with it."""
        if not root or self.keeper is None or not has_reference(stored):
            return False
        reference = parse(stored, what="a stored payload").reference
        return reference is not None and reference.root != root

    # -- parts -----------------------------------------------------------------------------------

    def _limit_of(self, budget: Budget | None) -> int:
        threshold = self.threshold if budget is None else budget.lowered(self.threshold)
        return threshold if self.limit is None else min(threshold, self.limit)

    def _encoded(self, text: str) -> tuple[tuple[str, ...], bytes]:
        data = text.encode()
        names = []
        for codec in self._codecs:
            encoded = codec.encode(data)
            if encoded is not None:
                data = encoded
                names.append(codec.name)
        return tuple(names), data

    def _inline(
        self, text: str, names: tuple[str, ...], data: bytes, *, what: str, budget: Budget | None
    ) -> str | None:
        """Return the form that needs no store; ``None`` if it must go there."""
        size = _ENVELOPE_BYTES + len(data) * 4 // 3 if names else len(data)
        if self.keeper is not None and size > self._limit_of(budget):
            return None
        if self.limit is not None and size > self.limit:
            raise PayloadTooLargeError(what=what, size=size, limit=self.limit, remedy=_REMEDY)
        if names:
            return with_data(names, data)
        return escaped(text) if is_marked(text) else text

    def _decoded(self, data: bytes, envelope: Envelope, what: str) -> str:
        data = self._unpacked(data, envelope.codecs, what, limit=MAX_PAYLOAD_BYTES)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as err:
            raise PayloadError(what=what, problem=f"what is stored is no UTF-8: {err}") from err

    def _unpacked(self, data: bytes, codecs: Sequence[str], what: str, *, limit: int) -> bytes:
        for name in reversed(codecs):
            codec = self._codec(name, what)
            try:
                # Between codecs there may be a little more than what comes out in the end.
                data = codec.decode(data, limit=limit + _SLACK_BYTES)
            except ValueError as err:
                raise PayloadError(what=what, problem=f"codec {name!r}: {err}") from err
        return data

    def _codec(self, name: str, what: str) -> Codec:
        codec = self._readable.get(name)
        if codec is None:
            if name == AesGcm.name:
                problem = "is encrypted, and no key is given here; set PERDURE_PAYLOAD_KEYS"
                raise PayloadError(what=what, problem=problem)
            # Whoever wrote it had the codec; that this process does not write with it is no matter.
            try:
                codec = self._readable[name] = load_codec(name)
            except PluginError as err:
                raise PayloadError(what=what, problem=f"needs the codec {name!r}: {err}") from err
        return codec

    def _keeper(self, what: str) -> Keeper:
        if self.keeper is None:
            problem = "lies in a payload store, and none is given here; set PERDURE_PAYLOADS"
            raise PayloadError(what=what, problem=problem)
        return self.keeper


def open_pipeline(payloads: Payloads, *, limit: int | None = None) -> PayloadPipeline:
    """Return the pipeline that the settings describe. Nothing is read or written yet.

    Raises:
        ConfigurationError: A setting cannot be used.
        PluginError: A codec or what reaches the store is not installed.
    """
    if payloads.keys:
        use_keys(payloads.keys)
    names = [name for name in payloads.codecs if name != AesGcm.name]
    codecs = [load_codec(name) for name in names]
    if payloads.keys or AesGcm.name in payloads.codecs:
        codecs.append(AesGcm(payloads.keys))  # behind compression: what is encrypted is noise
    keeper = None
    if payloads.store is not None:
        keeper = Keeper(open_store(payloads.store, options=payloads.store_options))
    return PayloadPipeline(codecs=codecs, keeper=keeper, threshold=payloads.threshold, limit=limit)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
