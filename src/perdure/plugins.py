"""How a backend is found: by its name, through the entry point group ``perdure.backends``.

Only the one that is asked for is loaded. The embedded engine needs no entry point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from perdure.errors import ConfigurationError, PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import EntryPoint

    from perdure.clock import Clock
    from perdure.spi.backend import Backend

GROUP = "perdure.backends"
EMBEDDED = "sqlite"

_KNOWN = {"azure": "perdure-azure", "dapr": "perdure-dapr"}


class BackendFactory(Protocol):
    """What an entry point names: a function, or a :class:`~perdure.spi.backend.Backend` class."""

    def __call__(self, url: str, *, clock: Clock | None = None) -> Backend:
        """Return a backend for ``url``, not opened yet.

        ``url`` is the setting as the user wrote it: the bare name, or ``name://…``. ``clock`` is
        given by tests; a backend whose time is kept elsewhere may leave it aside.

        Raises:
            ConfigurationError: The URL cannot be used.
        """


def installed_backends() -> list[str]:
    """Return the names of the backends that can be used here, sorted. Loads none."""
    return sorted({EMBEDDED, *(point.name for point in _entry_points(None))})


def load_backend(name: str, *, setting: str, profiles: Iterable[str] = ()) -> BackendFactory:
    """Return the factory of the backend called ``name``.

    ``setting`` says where the name came from and ``profiles`` what else it could have been: both
    are for the message where there is no such backend.

    Raises:
        ConfigurationError: There is no such backend.
        PluginError: It is not installed, installed twice, or cannot be imported.
    """
    if name == EMBEDDED:
        from perdure.embedded import create_backend

        return create_backend
    points = _entry_points(name)
    if not points:
        raise _not_found(name, setting=setting, profiles=profiles)
    if len({point.value for point in points}) > 1:
        owners = ", ".join(sorted(_owner(point) for point in points))
        raise PluginError(plugin=name, problem=f"several packages offer it: {owners}; keep one")
    return _loaded(points[0])


def _entry_points(name: str | None) -> list[EntryPoint]:
    from importlib.metadata import entry_points

    found = entry_points(group=GROUP)
    return list(found if name is None else found.select(name=name))


def _loaded(point: EntryPoint) -> BackendFactory:
    try:
        factory = point.load()
    except Exception as error:  # a plugin's module may raise anything
        problem = f"{_owner(point)} cannot be loaded ({point.value}): {error!r}"
        raise PluginError(plugin=point.name, problem=problem) from error
    if not callable(factory):
        problem = f"{_owner(point)} offers {point.value}, which is not a function or a class"
        raise PluginError(plugin=point.name, problem=problem)
    return factory  # type: ignore[no-any-return]  # whether it fits shows when it is called


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
