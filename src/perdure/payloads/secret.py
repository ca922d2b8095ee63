"""Secrets: values that are encrypted one by one, wherever they stand, and never shown.

``perdure.Secret[str]`` as the type of a parameter, a field or a result. Stored is only what was
encrypted, so no history, log or report can show it. Without a key it is refused.
"""

from __future__ import annotations

import base64
import binascii
import os
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, get_args

from perdure.errors import ConfigurationError, PluginError
from perdure.payloads.encryption import KEYS_VARIABLE, AesGcm, parse_keys

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

    from perdure.payloads.encryption import Key

T = TypeVar("T")

_PREFIX = "perdure-secret:"
_LIMIT = 1024 * 1024


class Secret(Generic[T]):
    """A value that shows itself only to who asks by :meth:`reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """Return the value."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('**********')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and bool(self._value == other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: it would be readable there")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Tell pydantic: encrypted text in JSON, a :class:`Secret` in Python."""
        from pydantic import TypeAdapter
        from pydantic_core import core_schema

        (inner,) = get_args(source) or (Any,)
        adapter = TypeAdapter[Any](inner)

        def seal(secret: Secret[Any]) -> str:
            return _sealed(adapter.dump_json(secret._value, warnings="error"))

        def open_(text: str) -> Secret[Any]:
            data = _opened(text)
            try:
                return cls(adapter.validate_json(data, strict=False))
            except ValueError:
                # pydantic's message would show the value.
                raise ValueError("the secret does not fit its type") from None

        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(
                open_, core_schema.str_schema()
            ),
            python_schema=core_schema.is_instance_schema(cls),
            serialization=core_schema.plain_serializer_function_ser_schema(
                seal, return_schema=core_schema.str_schema(), when_used="json"
            ),
        )


class _Ring:
    """The keys that this process has been given. Types know no app, so they are common to all."""

    keys: tuple[Key, ...] = ()


def use_keys(keys: tuple[Key, ...]) -> None:
    """Encrypt secrets under the first of ``keys`` from now on; earlier ones still decrypt."""
    known = {key.id for key in keys}
    _Ring.keys = (*keys, *(key for key in _Ring.keys if key.id not in known))


def _cipher() -> AesGcm:
    keys = _Ring.keys or parse_keys(os.environ.get(KEYS_VARIABLE, ""))
    try:
        # The same secret gives the same text, or a strict replay would see another command.
        return AesGcm(keys, is_repeatable=True)
    except (ConfigurationError, PluginError) as error:
        # pydantic passes on ValueError; the message gets the name of the field.
        raise ValueError(f"a secret is never stored in the clear: {error}") from error


def _sealed(data: bytes) -> str:
    return _PREFIX + base64.b64encode(_cipher().encode(data)).decode("ascii")


def _opened(text: str) -> bytes:
    if not text.startswith(_PREFIX):
        raise ValueError("a secret is wanted here, and this is plain text; send perdure.Secret(…)")
    try:
        data = base64.b64decode(text[len(_PREFIX) :], validate=True)
    except binascii.Error:
        raise ValueError("the secret was cut or altered") from None
    return _cipher().decode(data, limit=_LIMIT)
