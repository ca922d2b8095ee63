"""One codec out of two: the plain way where it is sure, the typed way for everything else."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from perdure.errors import PayloadTooLargeError
from perdure.payloads._plain import UNSURE

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure.payloads._plain import PlainCodec
    from perdure.payloads._typed import TypedCodec

MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
_REMEDY = "store it elsewhere and pass where it is"


class JsonCodec:
    """Writes and reads one kind of value; what needs pydantic is built when first needed."""

    def __init__(
        self, *, what: str, plain: PlainCodec | None, make_typed: Callable[[], TypedCodec]
    ) -> None:
        self._what = what
        self._plain = plain
        self._make_typed = make_typed
        self._typed: TypedCodec | None = None
        self._lock = threading.Lock()

    def encode(self, value: object) -> str:
        """Return the JSON text of ``value``.

        Raises:
            PayloadError: It would not come back as it is.
            PayloadTooLargeError: The text is over 64 MiB.
        """
        text = None if self._plain is None else self._plain.encode(value)
        if text is None:
            text = self._typed_codec().encode(value)
        # No character takes more than four bytes; only long texts are worth counting.
        if len(text) > MAX_PAYLOAD_BYTES // 4:
            self._check_size(text)
        return text

    def decode(self, text: str) -> Any:
        """Return the value of ``text``.

        Raises:
            PayloadError: It is no JSON, or does not fit the type.
        """
        if self._plain is not None:
            value = self._plain.decode(text)
            if value is not UNSURE:
                return value
        return self._typed_codec().decode(text)

    def _typed_codec(self) -> TypedCodec:
        if self._typed is None:
            # Several threads may convert at once, and building a schema is not made for that.
            with self._lock:
                if self._typed is None:
                    self._typed = self._make_typed()
        return self._typed

    def _check_size(self, text: str) -> None:
        size = len(text) if text.isascii() else len(text.encode())
        if size > MAX_PAYLOAD_BYTES:
            raise PayloadTooLargeError(
                what=self._what, size=size, limit=MAX_PAYLOAD_BYTES, remedy=_REMEDY
            )
