"""Which functions can be activities or workflows, what they are called, and where they stand."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from perdure.names import check_function_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure.names import FunctionKind


def check_function(kind: FunctionKind, function: object) -> None:
    """Check that ``function`` can be run by a worker that has nothing but a name and arguments.

    Raises:
        TypeError: It is no plain function or bound method; it is a generator; it wants a ``self``
            that nobody would give it; or it is to be a workflow and is not ``async def``.
    """
    problem = _problem(kind, function)
    if problem is not None:
        raise TypeError(f"{_label(function)} cannot be {_ROLE[kind]}: {problem}")


def function_name(kind: FunctionKind, function: Callable[..., Any], name: str | None) -> str:
    """Return the name to register ``function`` under: ``name`` if given, else its own ``__name__``.

    The module is left out on purpose: it is ``__main__`` in a script and something else under an
    import, and instances outlive both a rename of the module and a move of the function.

    Raises:
        InvalidNameError: Not every backend can take the name; a lambda needs one given.
        TypeError: ``name`` is no text.
    """
    return check_function_name(kind, function.__name__ if name is None else name)


def place(function: Callable[..., Any]) -> str:
    """Return ``file:line`` of where ``function`` is defined."""
    try:
        code = getattr(inspect.unwrap(function), "__code__", None)
    except ValueError:  # a cycle of __wrapped__
        code = getattr(function, "__code__", None)
    return "an unknown place" if code is None else f"{code.co_filename}:{code.co_firstlineno}"


_ROLE: dict[FunctionKind, str] = {"activity": "an activity", "workflow": "a workflow"}
_WANTED: dict[FunctionKind, str] = {"activity": "a def or async def", "workflow": "an async def"}


def _problem(kind: FunctionKind, function: object) -> str | None:
    if isinstance(function, staticmethod | classmethod | property):
        return f"put the decorator below @{type(function).__name__}, next to the function"
    if isinstance(function, functools.partial):
        return f"write {_WANTED[kind]} function that calls it"
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        return f"it is of type {type(function).__name__}, and {_WANTED[kind]} function is wanted"
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return "it is a generator (it has a yield); return a list, or make one call for each item"
    if kind == "workflow" and not inspect.iscoroutinefunction(function):
        return "it is a plain def (or a decorator hides its async def); write async def"
    if _wants_self(function):
        return "it is a method without its object; register the bound method, obj.method"
    return None


def _wants_self(function: Any) -> bool:
    """Return whether ``function`` stands in a class and begins with ``self`` or ``cls``."""
    scope = function.__qualname__.rpartition(".")[0]
    if not scope or scope.endswith("<locals>") or inspect.ismethod(function):
        return False
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return bool(names) and names[0] in ("self", "cls")


def _label(function: object) -> str:
    name = getattr(function, "__qualname__", None)
    return name if isinstance(name, str) else repr(function)
