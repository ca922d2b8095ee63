"""How a plugin is found: by its name, through an entry point, and only the one that is asked for.

The embedded engine needs no entry point. What a plugin may be is told in
:mod:`perdure.spi.hookspecs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perdure._plugin_checks import checked_factory, entry_error
from perdure.errors import ConfigurationError, PluginError
from perdure.spi.backend import BackendFactory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.metadata import EntryPoint

__all__ = [
    "GROUP",
    "BackendFactory",
    "InstalledPlugin",
    "installed_backends",
    "installed_plugins",
    "load_backend",
]

GROUP = "perdure.backends"
EMBEDDED = "sqlite"

_KNOWN = {"azure": "perdure-azure", "dapr": "perdure-dapr"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledPlugin:
    """A plugin that can be asked for by ``name``, and the package that it came with."""

    name: str
    package: str
    version: str


def installed_backends() -> list[str]:
    """Return the names of the backends that can be used here, sorted. Loads none."""
    return sorted({EMBEDDED, *(point.name for point in _entry_points(GROUP, None))})


def installed_plugins(group: str = GROUP) -> list[InstalledPlugin]:
    """Return the plugins of an entry point group with their packages, by name. Loads none.

    The embedded engine is listed as a part of perdure itself.
    """
    from perdure._version import __version__

    found = {
        (point.name, _owner(point), point.dist.version if point.dist else "")
        for point in _entry_points(group, None)
        if (group, point.name) != (GROUP, EMBEDDED)
    }
    if group == GROUP:
        found.add((EMBEDDED, "perdure", __version__))
    return [
        InstalledPlugin(name=name, package=package, version=version)
        for name, package, version in sorted(found)
    ]


def load_backend(name: str, *, setting: str, profiles: Iterable[str] = ()) -> BackendFactory:
    """Return the factory of the backend called ``name``.

    What the factory makes is checked: that it is a backend, and for this version of the SPI.

    Args:
        name: The word that selects it.
        setting: Where the name came from, for messages.
        profiles: What else the name could have been, for the same.

    Raises:
        ConfigurationError: There is no such backend.
        PluginError: It is not installed, installed twice, cannot be imported, was written for
            another version of the SPI, or is not what a plugin must be.
    """
    if name == EMBEDDED:
        from perdure.embedded import create_backend

        return create_backend
    point = _only(GROUP, name)
    if point is None:
        raise _not_found(name, setting=setting, profiles=profiles)
    return checked_factory(name, _offer(point, hook="perdure_backends"), owner=_owner(point))


def _entry_points(group: str, name: str | None) -> list[EntryPoint]:
    from importlib.metadata import entry_points

    found = entry_points(group=group)
    return list(found if name is None else found.select(name=name))


def _only(group: str, name: str) -> EntryPoint | None:
    points = _entry_points(group, name)
    if len({point.value for point in points}) > 1:
        owners = sorted(_owner(point) for point in points)
        problem = f"several packages offer it: {', '.join(owners)}; keep one"
        problem += f", for example: pip uninstall {owners[-1]}"
        raise PluginError(plugin=name, problem=problem)
    return points[0] if points else None


def _offer(point: EntryPoint, *, hook: str) -> Callable[..., Any]:
    """Return what the plugin behind ``point`` offers under the name of ``point``."""
    from perdure._plugin_hooks import ask

    owner = _owner(point)
    try:
        found = point.load()
    except Exception as error:  # a plugin's module may raise anything
        raise entry_error(point.name, point.value, owner=owner, error=error) from error
    return ask(found, hook=hook, name=point.name, value=point.value, owner=owner)


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "an unknown package"


def _not_found(
    name: str, *, setting: str, profiles: Iterable[str]
) -> ConfigurationError | PluginError:
    import difflib

    if name in _KNOWN:
        return PluginError(plugin=name, problem=f"not installed; type: pip install {_KNOWN[name]}")
    installed = installed_backends()
    profiles = sorted(profiles)
    near = difflib.get_close_matches(name, [*installed, *_KNOWN, *profiles], n=1)
    problem = f"no backend {name!r}" + (f" (did you mean {near[0]!r}?)" if near else "")
    problem += f"; installed: {', '.join(installed)}"
    if profiles:
        problem += f"; profiles: {', '.join(profiles)}"
    if missing := [
        f"{known} (pip install {_KNOWN[known]})" for known in _KNOWN if known not in installed
    ]:
        problem += f"; not installed: {', '.join(missing)}"
    return ConfigurationError(setting=setting, problem=problem)
