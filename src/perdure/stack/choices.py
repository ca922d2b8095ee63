"""The options of a stack as a dataclass of its plugin, read from what was given and checked."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from perdure.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perdure.stack.server import OptionValue


class Dataclass(Protocol):
    """What :func:`dataclasses.dataclass` makes."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


Options = TypeVar("Options", bound=Dataclass)


def choose(options: type[Options], given: Mapping[str, OptionValue]) -> Options:
    """Return the ``options`` of which only some are ``given``; the others have their defaults.

    Raises:
        ConfigurationError: An option that does not exist, or a value of the wrong type; also from
            the dataclass.
    """
    known = {field.name: type(field.default) for field in fields(options)}
    for name, value in given.items():
        kind = known.get(name)
        require_option(kind is not None, name, f"one of {', '.join(known)}")
        require_option(kind is type(value), name, f"of type {kind.__name__ if kind else '?'}")
    return options(**dict(given))


def require_option(is_right: object, option: str, needed: str) -> None:
    """Refuse an option whose value is not right.

    Args:
        is_right: True, or anything that counts as true, if it is.
        option: Its name.
        needed: What it must be, in words.

    Raises:
        ConfigurationError: It is not right.
    """
    if not is_right:
        flag = f"--{option.replace('_', '-')}"
        raise ConfigurationError(setting=flag, problem=f"must be {needed}")
