"""Codecs: what turns the bytes of a payload into other bytes, and back.

``gzip`` and ``aes-gcm`` come with perdure, ``zstd`` with the extra of that name. Others are found
by their name through the entry point group ``perdure.codecs``; only those that are named are
loaded.
"""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any, Protocol

from perdure.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable

GROUP = "perdure.codecs"
WORTH_COMPRESSING = 512
"""Below so many bytes compressing gains nothing that base64 would not lose again."""

_GZIP_LEVEL = 3
_ZSTD_LEVEL = 3
_CHUNK = 1024 * 1024


class Codec(Protocol):
    """One step of the pipeline. Used by several threads at once.

    Attributes:
        name: What stored payloads call it; the same for as long as any of them is kept.
    """

    name: str

    def encode(self, data: bytes) -> bytes | None:
        """Return the encoded bytes, or ``None`` to leave ``data`` as they are."""

    def decode(self, data: bytes, *, limit: int) -> bytes:
        """Return the bytes that were encoded.

        Args:
            data: What :meth:`encode` returned.
            limit: How many bytes may come out; a decoder that finds more stops.

        Raises:
            ValueError: They are damaged, too many, or cannot be decoded here; the message says
                what to do.
        """


class Gzip:
    """Compression from the standard library."""

    name = "gzip"

    def encode(self, data: bytes) -> bytes | None:
        """Compress, if that makes it smaller."""
        if len(data) < WORTH_COMPRESSING:
            return None
        packed = gzip.compress(data, compresslevel=_GZIP_LEVEL, mtime=0)
        return packed if len(packed) < len(data) else None

    def decode(self, data: bytes, *, limit: int) -> bytes:
        """Decompress."""
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            plain = unpacker.decompress(data, limit + 1)
        except zlib.error as err:
            raise ValueError(f"no valid gzip data ({err}); they were altered") from err
        if len(plain) > limit:
            raise ValueError(f"it unpacks to more than {limit:,} bytes")
        if not unpacker.eof or unpacker.unused_data:
            raise ValueError("the gzip data were cut or added to")
        return plain


class Zstandard:
    """Compression that is faster and better; from the distribution ``zstandard``."""

    name = "zstd"

    def __init__(self) -> None:
        try:
            import zstandard
        except ImportError as err:
            problem = "needs the distribution zstandard; type: pip install 'perdure[zstd]'"
            raise PluginError(plugin=self.name, problem=problem) from err
        self._zstandard: Any = zstandard  # an optional module: its types are not always there

    def encode(self, data: bytes) -> bytes | None:
        """Compress, if that makes it smaller."""
        if len(data) < WORTH_COMPRESSING:
            return None
        # A compressor is not for several threads; making one is cheap.
        packer = self._zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True)
        packed: bytes = packer.compress(data)
        return packed if len(packed) < len(data) else None

    def decode(self, data: bytes, *, limit: int) -> bytes:
        """Decompress."""
        unpacker = self._zstandard.ZstdDecompressor().decompressobj(read_across_frames=False)
        plain = bytearray()
        try:
            for start in range(0, len(data), _CHUNK):
                plain += unpacker.decompress(data[start : start + _CHUNK])
                if len(plain) > limit:
                    raise ValueError(f"it unpacks to more than {limit:,} bytes")
        except self._zstandard.ZstdError as err:
            raise ValueError(f"no valid zstd data ({err}); they were altered") from err
        if not unpacker.eof or unpacker.unused_data:
            raise ValueError("the zstd data were cut or added to")
        return bytes(plain)


_BUILT_IN: dict[str, Callable[[], Codec]] = {"gzip": Gzip, "zstd": Zstandard}


def load_codec(name: str) -> Codec:
    """Return the codec called ``name``.

    Raises:
        PluginError: There is none, there are several, or it cannot be loaded.
    """
    factory = _BUILT_IN.get(name)
    if factory is not None:
        return factory()
    from importlib.metadata import entry_points

    points = list(entry_points(group=GROUP).select(name=name))
    if not points:
        known = ", ".join(sorted({*_BUILT_IN, "aes-gcm", *entry_points(group=GROUP).names}))
        raise PluginError(plugin=name, problem=f"no such codec is installed; there are: {known}")
    if len({point.value for point in points}) > 1:
        raise PluginError(plugin=name, problem="several packages offer this codec; keep one")
    try:
        codec: Codec = points[0].load()()
    except Exception as err:  # a plugin's module may raise anything
        problem = f"the codec cannot be loaded ({points[0].value}): {err!r}"
        raise PluginError(plugin=name, problem=problem) from err
    if getattr(codec, "name", None) != name:
        problem = f"the codec calls itself {getattr(codec, 'name', None)!r}; it must be {name!r}"
        raise PluginError(plugin=name, problem=problem)
    return codec
