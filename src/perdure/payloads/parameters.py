"""Converters of arguments: a call's arguments to one JSON object by parameter name, and back."""

from __future__ import annotations

import functools
import inspect
import json
import typing
from typing import TYPE_CHECKING, Any

from perdure.errors import PayloadError
from perdure.payloads._hints import hints_of
from perdure.payloads._json import JsonCodec
from perdure.payloads._plain import plain_object_codec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from perdure.payloads._places import Path
    from perdure.payloads._typed import TypedCodec

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional and keyword arguments, ready for ``function(*positional, **keywords)``."""

_POSITIONAL = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
_VARIADIC = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD


class ParameterConverter:
    """Converts the arguments of one function. Nothing is built before the first use."""

    def __init__(self, function: Callable[..., Any], *, owner: str) -> None:
        """Describe the function.

        Args:
            function: A function, or a bound method.
            owner: What it is, for messages: ``activity 'quote'``.
        """
        self._function = function
        self._owner = owner

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments by parameter name; defaults are not filled in.

        Raises:
            TypeError: They do not fit the function's parameters.
        """
        names = self._simple_names
        if not kwargs and names is not None and len(args) == len(names):
            return dict(zip(names, args, strict=True))
        try:
            return self._signature.bind(*args, **kwargs).arguments
        except TypeError as err:
            raise TypeError(f"{self._function.__qualname__}() {err}") from None

    def encode(self, bound: Mapping[str, Any]) -> str:
        """Return bound arguments as a JSON object.

        Raises:
            PayloadError: One would not come back as it is, or its type cannot be stored.
            PayloadTooLargeError: The text is over 64 MiB.
        """
        return self._codec.encode(bound)

    def decode(self, text: str) -> Arguments:
        """Return the arguments that ``text`` holds. Where one is missing, its default will do.

        Raises:
            PayloadError: It is no JSON object, an argument is missing or unknown, or does not fit
                its type.
        """
        try:
            values: dict[str, Any] = self._codec.decode(text)
        except PayloadError as err:
            values = self._decode_raw(text, err)
        names = self._simple_names
        if names is not None and len(values) == len(names):
            return tuple([values[name] for name in names]), {}
        return self._arrange(values)

    def _decode_raw(self, text: str, error: PayloadError) -> dict[str, Any]:
        """Return arguments from what another client has put in, which knows no parameter names.

        A function of one parameter takes the whole text as its value; one that needs none takes
        ``null``. Whatever else there is, ``error`` says what is wrong with it.
        """
        parameters = list(self._signature.parameters.values())
        if text.strip() == "null" and not any(map(_is_required, parameters)):
            return {}
        if len(parameters) != 1 or parameters[0].kind in _VARIADIC:
            raise error
        name = parameters[0].name
        try:
            given = json.loads(text)
        except (ValueError, RecursionError):
            raise error from None
        if isinstance(given, dict) and name in given:
            raise error
        try:
            values: dict[str, Any] = self._codec.decode(f"{{{json.dumps(name)}:{text}}}")
        except PayloadError as raw_error:
            # The error of an object that might have been meant by name is the more helpful one.
            raise error if isinstance(given, dict) else raw_error from None
        return values

    def _arrange(self, values: dict[str, Any]) -> Arguments:
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        for name, parameter in self._signature.parameters.items():
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                positional.extend(values.get(name, ()))
            elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
                keywords.update(values.get(name, {}))
            elif name not in values and not self._fills_gap(parameter, values):
                continue
            elif parameter.kind in _POSITIONAL:
                positional.append(values.get(name, parameter.default))
            else:
                keywords[name] = values[name]
        return tuple(positional), keywords

    def _fills_gap(self, parameter: inspect.Parameter, values: dict[str, Any]) -> bool:
        """Return whether a default must be passed, because something positional follows."""
        names = list(self._signature.parameters)
        following = names[names.index(parameter.name) + 1 :]
        kinds = (*_POSITIONAL, inspect.Parameter.VAR_POSITIONAL)
        return parameter.kind in _POSITIONAL and any(
            name in values and self._signature.parameters[name].kind in kinds for name in following
        )

    @functools.cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self._function)

    @functools.cached_property
    def _simple_names(self) -> tuple[str, ...] | None:
        """The parameters' names if all may be passed by position, else ``None``."""
        parameters = self._signature.parameters.values()
        if all(parameter.kind in _POSITIONAL for parameter in parameters):
            return tuple(self._signature.parameters)
        return None

    @functools.cached_property
    def _codec(self) -> JsonCodec:
        hints = hints_of(self._function, what=self._owner)
        parameters = self._signature.parameters
        types = {name: _type_of(it, hints.get(name, Any)) for name, it in parameters.items()}
        required = frozenset(name for name, it in parameters.items() if _is_required(it))
        return JsonCodec(
            what=f"arguments of {self._owner}",
            plain=plain_object_codec(types, required=required),
            make_typed=lambda: self._make_typed(types, required),
        )

    def _make_typed(self, types: dict[str, Any], required: frozenset[str]) -> TypedCodec:
        from perdure.payloads._typed import object_codec

        return object_codec(types, required=required, locate=self._locate)

    def _locate(self, path: Path) -> tuple[str, Path]:
        if not path:
            return f"arguments of {self._owner}", path
        return f"argument {path[0]!r} of {self._owner}", path[1:]


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is inspect.Parameter.empty and parameter.kind not in _VARIADIC


def _type_of(parameter: inspect.Parameter, hint: Any) -> Any:
    """Return the type of the value that is recorded under the parameter's name."""
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return tuple[hint, ...]
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        if typing.get_origin(hint) is typing.Unpack:
            return typing.get_args(hint)[0]
        return dict[str, hint]
    return hint
