"""Typed conversion by pydantic: any annotation that it knows, to JSON text and back.

What is written is read back before it is used, so a value either survives exactly or is refused.
This module imports pydantic and is itself imported by the first value that needs it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NotRequired

import pydantic_core
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from typing_extensions import TypeAliasType, TypedDict

from perdure.errors import PayloadError
from perdure.payloads._places import Locate, Path, at_path, look_up, parts
from perdure.payloads._plain import has_constants
from perdure.payloads._readback import find_change

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_CONFIG = ConfigDict(
    ser_json_bytes="base64",
    val_json_bytes="base64",
    # Written as such, so that reading back finds them; "null" would turn them into None.
    ser_json_inf_nan="constants",
)
_MAX_PROBLEMS = 3
_MAX_STEPS = 50
_TYPE_REMEDY = "use plain types, a dataclass, a TypedDict or a pydantic model"


class TypedCodec:
    """Writes and reads values of one annotation."""

    def __init__(self, annotation: Any, *, locate: Locate) -> None:
        """Build the codec.

        Raises:
            PayloadError: Values of that type cannot be stored.
        """
        self._locate = locate
        try:
            self._adapter = _adapter(annotation)
        except (PydanticUserError, NameError, TypeError, AttributeError) as err:
            # pydantic goes on to advise what would not help here.
            reason = _first_line(err).split(". Set `", maxsplit=1)[0]
            raise self._error((), f"its type cannot be stored: {reason}; {_TYPE_REMEDY}") from err

    def encode(self, value: object) -> str:
        """Return the JSON text of ``value``.

        Raises:
            PayloadError: It would not come back as it is.
        """
        data = self._dump(value)
        try:
            read = self._read(data)
        except ValidationError as err:
            if err.errors()[0]["type"] == "json_invalid":  # nested too deep, or a number too long
                raise self._unwritable(value, err) from None
            raise self._invalid(err, sent=value) from None
        try:
            change = find_change(value, read)
        except Exception as err:  # the classes of users compare as they like
            raise self._error((), f"comparing it with what comes back failed: {err!r}") from err
        if change is not None:
            raise self._error(change.path, change.problem)
        return data.decode()

    def decode(self, text: str) -> Any:
        """Return the value of ``text``.

        Raises:
            PayloadError: It is no JSON, or does not fit the type.
        """
        if ("NaN" in text or "Infinity" in text) and has_constants(text):
            raise self._error((), "invalid JSON: it has no NaN and no Infinity")
        try:
            return self._read(text)
        except ValidationError as err:
            raise self._invalid(err, sent=None) from None

    def _dump(self, value: object) -> bytes:
        try:
            return self._adapter.dump_json(value, warnings=False, round_trip=True, by_alias=False)
        except Exception as err:  # serializers of users raise what they like
            raise self._unwritable(value, err) from err

    def _read(self, data: str | bytes) -> Any:
        try:
            return self._adapter.validate_json(data, by_alias=True, by_name=True)
        except ValidationError:
            raise
        except Exception as err:  # and their validators and constructors
            raise self._error((), f"reading it raised {type(err).__name__}: {err}") from err

    def _invalid(self, err: ValidationError, *, sent: object) -> PayloadError:
        found = err.errors(include_url=False, include_context=False)
        what = self._locate(found[0]["loc"])[0]
        places = [(item, *self._locate(item["loc"])) for item in found[:_MAX_PROBLEMS]]
        problems = [
            f"{at_path(rest)}{_problem(item, sent)}"
            for item, owner, rest in places
            if owner == what
        ]
        more = len(found) - len(problems)
        tail = [f"and {more} more"] if more else []
        return PayloadError(what=what, problem="; ".join(problems + tail))

    def _unwritable(self, value: object, err: Exception) -> PayloadError:
        path, culprit = _find_unwritable(value)
        if len(path) > _MAX_STEPS:
            return self._error((), "it is nested too deep, or contains itself")
        reason = _first_line(err).removeprefix("Error serializing to JSON: ")
        if isinstance(err, ValidationError):
            reason = str(err.errors()[0]["ctx"]["error"])
        kind = type(culprit).__qualname__
        return self._error(path, f"this {kind} cannot be stored as JSON: {reason}")

    def _error(self, path: Path, problem: str) -> PayloadError:
        what, rest = self._locate(path)
        return PayloadError(what=what, problem=f"{at_path(rest)}{problem}")


def object_codec(types: dict[str, Any], *, required: frozenset[str], locate: Locate) -> TypedCodec:
    """Return the codec of an object with exactly these keys; those not required may be missing.

    Raises:
        PayloadError: Values of one of the types cannot be stored.
    """
    keys = {name: it if name in required else NotRequired[it] for name, it in types.items()}
    make_typed_dict: Any = TypedDict
    try:
        return TypedCodec(make_typed_dict("Arguments", keys, closed=True), locate=locate)
    except PayloadError:
        for name, it in types.items():
            TypedCodec(it, locate=functools.partial(_locate_below, locate, name))
        raise


def _locate_below(locate: Locate, name: str, path: Path) -> tuple[str, Path]:
    return locate((name, *path))


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    try:
        return _cached_adapter(annotation, repr(annotation))
    except TypeError:  # annotations with unhashable metadata
        return _new_adapter(annotation)


@functools.lru_cache(maxsize=1_000)
def _cached_adapter(annotation: Any, _text: str) -> TypeAdapter[Any]:
    # Building a schema takes milliseconds, and a workflow may name a type anew for each event it
    # awaits. The text tells apart what compares equal and is read in another order: int | str and
    # str | int.
    return _new_adapter(annotation)


def _new_adapter(annotation: Any) -> TypeAdapter[Any]:
    # Dataclasses and TypedDicts refuse a config given directly; behind an alias they take it.
    alias: Any = TypeAliasType("Payload", annotation)
    return TypeAdapter(alias, config=_CONFIG)


def _problem(item: ErrorDetails, sent: object) -> str:
    kind, message = item["type"], item["msg"]
    if kind == "missing":
        return "missing"
    if kind == "extra_forbidden":
        return "there is no such parameter"
    if kind == "json_invalid":
        return message[0].lower() + message[1:]
    given = item["input"] if sent is None else look_up(sent, item["loc"], item["input"])
    if kind == "bytes_invalid_encoding" and sent is not None:
        message = "Input should be bytes"  # that it was to be base64 concerns nobody here
    message = message.split(", unable to parse", maxsplit=1)[0]
    return f"{message}, got {type(given).__qualname__}"


def _find_unwritable(value: object, depth: int = 100) -> tuple[Path, object]:
    """Return the innermost part of ``value`` that JSON cannot hold, and its path."""
    for step, part in parts(value):
        if not _is_writable(part):
            # What contains itself has no innermost part.
            path, culprit = _find_unwritable(part, depth - 1) if depth else ((), part)
            return (step, *path), culprit
    return (), value


def _is_writable(value: object) -> bool:
    try:
        data = pydantic_core.to_json(value, bytes_mode="base64", inf_nan_mode="constants")
        pydantic_core.from_json(data)
    except Exception:  # noqa: BLE001 - whatever it is: this is the part that fails
        return False
    return True


def _first_line(err: BaseException) -> str:
    return str(err).strip().split("\n", maxsplit=1)[0] or type(err).__name__
