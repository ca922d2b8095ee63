"""Blobs: bytes of any size in the payload store, and a small value that stands for them.

What is written goes through the pipeline's codecs piece by piece, so memory stays bounded however
large a blob is. A blob belongs to the root instance that it was written for, and goes with it.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from perdure.errors import ConfigurationError, NotInActivityError, PayloadError
from perdure.payloads.home import Home, current_home

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from perdure.payloads.keeper import Keeper
    from perdure.payloads.pipeline import PayloadPipeline

PIECE = 1024 * 1024

_LENGTH_BYTES = 4
_PLACE = re.compile(r"([A-Za-z0-9_-]{1,64})/(blob-[0-9a-f]{32})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Bytes in the payload store. As an argument, a result or part of one it is a few words.

    Attributes:
        place: Where they are in the store.
        size: How many bytes there are.
        digest: The SHA-256 of what is stored, in hexadecimal digits.
        codecs: What was applied to each piece, in order.
    """

    place: str
    size: int
    digest: str
    codecs: tuple[str, ...] = ()

    # -- in activities ---------------------------------------------------------------------------

    @classmethod
    def write(cls, source: str | Path | IO[bytes] | Iterable[bytes]) -> Blob:
        """Write a file, or whatever yields bytes. Blocks: for ``def`` activities.

        Raises:
            ConfigurationError: There is no payload store.
            NotInActivityError: No activity runs here; clients have ``client.upload(…)``.
            PayloadStoreError: The store cannot be reached.
        """
        return write_blob(_home("Blob.write()"), source)

    @classmethod
    async def upload(cls, source: str | Path | IO[bytes] | Iterable[bytes]) -> Blob:
        """Do as :meth:`write` in a thread, for ``async def`` activities."""
        home = _home("Blob.upload()")
        return await asyncio.to_thread(write_blob, home, source)

    def read(self) -> Iterator[bytes]:
        """Yield the bytes, a piece at a time. Blocks: for ``def`` activities.

        What was altered is noticed, at the latest behind the last piece.

        Raises:
            PayloadError: It was purged, cut or altered, or cannot be decoded here.
            PayloadStoreError: The store cannot be reached.
        """
        return read_blob(_home("Blob.read()").pipeline, self)

    async def stream(self) -> AsyncIterator[bytes]:
        """Do as :meth:`read` in threads, for ``async def`` activities: ``async for``."""
        async for piece in stream_blob(_home("Blob.stream()").pipeline, self):
            yield piece

    def save(self, path: str | Path) -> None:
        """Write the bytes to a file, whole or not at all. Blocks. Raises as :meth:`read`."""
        save_blob(_home("Blob.save()").pipeline, self, path)

    async def download(self, path: str | Path) -> None:
        """Do as :meth:`save` in a thread, for ``async def`` activities."""
        await asyncio.to_thread(save_blob, _home("Blob.download()").pipeline, self, path)


def write_blob(home: Home, source: str | Path | IO[bytes] | Iterable[bytes]) -> Blob:
    """Write a blob that belongs to the root of ``home``. Raises as :meth:`Blob.write`."""
    keeper = _keeper(home.pipeline)
    if isinstance(source, str | Path):
        path = Path(source)

        def of_path() -> Blob:
            with path.open("rb") as file:
                return _written(home, keeper, _pieces(file))

        # A file can be read again from its start, so that a try that failed can be repeated.
        size = path.stat().st_size
        return keeper.insist(of_path, what=f"blob of {path.name} ({size:,} bytes)")
    # Anything else is read once; where the store fails, the activity's own retry begins anew.
    return _written(home, keeper, _pieces(source))


def read_blob(pipeline: PayloadPipeline, blob: Blob) -> Iterator[bytes]:
    """Yield the bytes of ``blob``. Raises as :meth:`Blob.read`."""
    keeper = _keeper(pipeline)
    what = f"blob {blob.place}"
    match = _PLACE.fullmatch(blob.place)
    if match is None:
        raise PayloadError(what=what, problem="this is no place of a blob; it was altered")
    root, name = match[1], match[2]
    with ExitStack() as stack:
        # Each try needs a reader of its own.
        file = keeper.insist(
            lambda: stack.enter_context(keeper.store.reader(root, name)), what=what
        )
        yield from _checked(pipeline, blob, file, what)


def _checked(pipeline: PayloadPipeline, blob: Blob, file: IO[bytes], what: str) -> Iterator[bytes]:
    digest = hashlib.sha256()
    size = 0
    while head := file.read(_LENGTH_BYTES):
        length = int.from_bytes(head, "big")
        data = file.read(length) if length <= 2 * PIECE else b""
        if len(data) < length:
            raise _altered(what)
        digest.update(head + data)
        piece = pipeline.decode_piece(data, blob.codecs, what=what, limit=PIECE)
        size += len(piece)
        yield piece
    if digest.hexdigest() != blob.digest or size != blob.size:
        raise _altered(what)


async def stream_blob(pipeline: PayloadPipeline, blob: Blob) -> AsyncIterator[bytes]:
    """Yield the bytes of ``blob`` without blocking the event loop."""
    pieces = read_blob(pipeline, blob)
    try:
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece
    finally:
        pieces.close()  # type: ignore[attr-defined]  # it is a generator


def save_blob(pipeline: PayloadPipeline, blob: Blob, path: str | Path) -> None:
    """Write the bytes of ``blob`` to a file. Raises as :meth:`Blob.read`."""
    target = Path(path)
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            for piece in read_blob(pipeline, blob):
                file.write(piece)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _written(home: Home, keeper: Keeper, pieces: Iterator[bytes]) -> Blob:
    # A name of its own: what it holds is known only when all is written.
    name = f"blob-{uuid.uuid4().hex}"
    digest = hashlib.sha256()
    size = 0
    with keeper.store.writer(home.root, name) as file:
        for piece in pieces:
            data = home.pipeline.encode_piece(piece)
            head = len(data).to_bytes(_LENGTH_BYTES, "big")
            digest.update(head + data)
            size += len(piece)
            file.write(head)
            file.write(data)
    return Blob(
        place=f"{home.root}/{name}",
        size=size,
        digest=digest.hexdigest(),
        codecs=home.pipeline.piece_codecs,
    )


def _pieces(source: IO[bytes] | Iterable[bytes]) -> Iterator[bytes]:
    read = getattr(source, "read", None)
    if read is not None:
        while piece := read(PIECE):
            yield piece
        return
    for chunk in source:
        view = memoryview(chunk)
        for start in range(0, len(view), PIECE):
            yield bytes(view[start : start + PIECE])


def _home(what: str) -> Home:
    home = current_home()
    if home is None:
        remedy = "clients have client.upload(…), client.download(…) and client.stream(…)"
        raise NotInActivityError(what=what, remedy=remedy)
    return home


def _keeper(pipeline: PayloadPipeline) -> Keeper:
    if pipeline.keeper is None:
        problem = "blobs need a payload store; for example PERDURE_PAYLOADS=file:///var/lib/perdure"
        raise ConfigurationError(setting="payloads", problem=problem)
    return pipeline.keeper


def _altered(what: str) -> PayloadError:
    problem = "is not what was written: it was cut or altered; write it again"
    return PayloadError(what=what, problem=problem)
