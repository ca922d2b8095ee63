"""Converters of single values: results, event payloads, custom statuses."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from perdure.payloads._hints import return_hint
from perdure.payloads._json import JsonCodec
from perdure.payloads._plain import plain_codec

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure.payloads._places import Path
    from perdure.payloads._typed import TypedCodec


class ValueConverter:
    """Converts the values of one annotation to JSON text and back, exactly.

    ``Any`` takes the JSON types as they are. What would come back as something else is refused.
    """

    def __init__(self, annotation: object, *, what: str) -> None:
        """Describe the values; nothing is built before the first conversion.

        Args:
            annotation: Their type.
            what: What they are, for messages: ``result of activity 'quote'``.
        """
        self._what = what
        self._find_annotation: Callable[[], object] = lambda: annotation

    @classmethod
    def of_result(cls, function: Callable[..., Any], *, owner: str) -> ValueConverter:
        """Return the converter of what ``function`` returns; its annotations are looked at later.

        Args:
            function: A function, or a bound method.
            owner: What it is, for messages: ``activity 'quote'``.
        """
        converter = cls(Any, what=f"result of {owner}")
        converter._find_annotation = lambda: return_hint(function, what=owner)
        return converter

    def encode(self, value: object) -> str:
        """Return the JSON text of ``value``.

        Raises:
            PayloadError: It would not come back as it is, or values of this type cannot be stored.
            PayloadTooLargeError: The text is over 64 MiB.
        """
        return self._codec.encode(value)

    def decode(self, text: str) -> Any:
        """Return the value of ``text``.

        Raises:
            PayloadError: It is no JSON, or does not fit the type.
        """
        return self._codec.decode(text)

    @functools.cached_property
    def _codec(self) -> JsonCodec:
        annotation = self._find_annotation()
        return JsonCodec(
            what=self._what,
            plain=plain_codec(annotation),
            make_typed=lambda: self._make_typed(annotation),
        )

    def _make_typed(self, annotation: object) -> TypedCodec:
        from perdure.payloads._typed import TypedCodec

        return TypedCodec(annotation, locate=self._locate)

    def _locate(self, path: Path) -> tuple[str, Path]:
        return self._what, path
