"""How a stack is found: by its name, through an entry point, and only the one that is asked for."""

from __future__ import annotations

import difflib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final, cast

from perdure.errors import PluginError
from perdure.stack.errors import StackError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from perdure.stack.server import StackKind

GROUP: Final = "perdure.stacks"

_KNOWN: Final = {"azure": "perdure-azure", "dapr": "perdure-dapr"}


def installed_stacks() -> list[str]:
    """Return the names of the stacks that can be brought up here, sorted. Loads none."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def load_stack(name: str) -> StackKind:
    """Return the stack called ``name``.

    Raises:
        StackError: There is no such stack.
        PluginError: Its plugin is not installed, is there twice, or cannot be loaded.
    """
    points = list(entry_points(group=GROUP).select(name=name))
    if not points:
        raise _not_found(name)
    if len({point.value for point in points}) > 1:
        owners = ", ".join(sorted(_owner(point) for point in points))
        raise PluginError(plugin=name, problem=f"several packages offer this stack: {owners}")
    try:
        kind = points[0].load()()
    except Exception as error:  # a plugin's module may raise anything
        problem = f"its stack ({points[0].value} of {_owner(points[0])}) cannot be loaded: {error}"
        raise PluginError(plugin=name, problem=problem) from error
    return cast("StackKind", kind)


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "an unknown package"


def _not_found(name: str) -> PluginError | StackError:
    if name in _KNOWN:
        return PluginError(plugin=name, problem=f"not installed; type: pip install {_KNOWN[name]}")
    installed = installed_stacks()
    near = difflib.get_close_matches(name, [*installed, *_KNOWN], n=1)
    problem = "there is no such stack" + (f" (did you mean {near[0]!r}?)" if near else "")
    problem += f"; installed: {', '.join(installed) or 'none'}"
    return StackError(stack=name, problem=problem)
