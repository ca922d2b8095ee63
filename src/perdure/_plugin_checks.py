"""What a plugin must be: checked when it is loaded, so that the fault is told by its name."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from perdure.errors import PluginError
from perdure.spi.backend import SPI_VERSION, Backend, Capability

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure.clock import Clock
    from perdure.spi.backend import BackendFactory

# What a capability promises beyond the base set: the methods that must be there, and what it rests
# on. The others are kept by methods that every backend has.
METHODS: dict[Capability, tuple[str, ...]] = {
    Capability.SUSPEND: ("suspend", "resume"),
    Capability.QUERY: ("query",),
    Capability.HISTORY: ("history",),
    Capability.RESTART: ("restart",),
}
NEEDS: dict[Capability, Capability] = {
    Capability.HISTORY_ACROSS_RUNS: Capability.HISTORY,
    Capability.RERUN: Capability.RESTART,
}


def checked_factory(name: str, make: Callable[..., Any], *, owner: str) -> BackendFactory:
    """Return ``make``, with a check of what it makes and of what that says it can do.

    Raises:
        PluginError: It cannot be called as a factory is, or is written for another SPI version.
    """
    _check_signature(make, plugin=name, owner=owner)
    if isinstance(make, type) and issubclass(make, Backend):
        check_spi_version(make.spi_version, plugin=name, owner=owner)
        if missing := sorted(make.__abstractmethods__):
            problem = f"{make.__name__} of {owner} does not implement {', '.join(missing)}"
            raise PluginError(plugin=name, problem=f"{problem}; every backend has these")

    @functools.wraps(make, updated=())
    def create(url: str, *, clock: Clock | None = None) -> Backend:
        backend = make(url, clock=clock)
        if not isinstance(backend, Backend):
            problem = f"{owner} made {backend!r}, which is no perdure.spi.Backend"
            raise PluginError(plugin=name, problem=problem)
        check_spi_version(backend.spi_version, plugin=name, owner=owner)
        return _checked_at_opening(backend, plugin=name, owner=owner)

    return create


def check_spi_version(version: object, *, plugin: str, owner: str) -> None:
    """Check the version of the SPI that a plugin says it was written for.

    Raises:
        PluginError: It is not the version that this perdure has.
    """
    if version == SPI_VERSION:
        return
    if not isinstance(version, int) or isinstance(version, bool):
        problem = f"{owner} gives {version!r} as its SPI version; write a plain number"
    elif version > SPI_VERSION:
        problem = (
            f"{owner} was written for version {version} of perdure's SPI, and this perdure has "
            f"version {SPI_VERSION}; type: pip install --upgrade perdure"
        )
    else:
        problem = (
            f"{owner} was written for version {version} of perdure's SPI, and this perdure has "
            f"version {SPI_VERSION}; type: pip install --upgrade {owner}"
        )
    raise PluginError(plugin=plugin, problem=problem)


def check_capabilities(backend: Backend, *, plugin: str, owner: str) -> None:
    """Check that an opened backend has the methods for what it says it can do.

    Raises:
        PluginError: It declares what it does not have; the message says what to write or drop.
    """
    declared = backend.capabilities
    for capability in declared:
        if not isinstance(capability, Capability):
            known = ", ".join(sorted(Capability))
            problem = f"{owner} declares {capability!r}, which is no capability; known: {known}"
            raise PluginError(plugin=plugin, problem=problem)
    for capability in sorted(declared):
        missing = [m for m in METHODS.get(capability, ()) if not _implements(backend, m)]
        if missing:
            problem = (
                f"{owner} declares the capability {capability.value!r} and does not implement "
                f"{type(backend).__name__}.{missing[0]}; implement it, or declare less"
            )
            raise PluginError(plugin=plugin, problem=problem)
        needed = NEEDS.get(capability)
        if needed is not None and needed not in declared:
            problem = (
                f"{owner} declares the capability {capability.value!r} without "
                f"{needed.value!r}, which it rests on; declare both, or neither"
            )
            raise PluginError(plugin=plugin, problem=problem)


def entry_error(name: str, value: str, *, owner: str, error: Exception) -> PluginError:
    """Return what to raise for a plugin whose entry point cannot be loaded."""
    problem = f"{owner} cannot be loaded ({value}): {error!r}"
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "perdure":
        problem += (
            f"; it may be written for another version of perdure (this one has SPI "
            f"{SPI_VERSION}); type: pip install --upgrade {owner} perdure"
        )
    elif isinstance(error, ModuleNotFoundError):
        problem += f"; type: pip install --force-reinstall {owner}"
    return PluginError(plugin=name, problem=problem)


def _check_signature(make: Callable[..., Any], *, plugin: str, owner: str) -> None:
    try:
        inspect.signature(make).bind("url", clock=None)
    except TypeError as error:
        problem = f"what {owner} offers cannot be called as (url, *, clock=None): {error}"
        raise PluginError(plugin=plugin, problem=problem) from error
    except ValueError:  # of a built-in, which has no signature to look at
        return


def _implements(backend: Backend, method: str) -> bool:
    return getattr(type(backend), method) is not getattr(Backend, method)


def _checked_at_opening(backend: Backend, *, plugin: str, owner: str) -> Backend:
    # What a backend can do may depend on its server, so it can be asked only once it is open.
    opened = backend.open

    @functools.wraps(opened)
    async def open_and_check() -> None:
        await opened()
        try:
            check_capabilities(backend, plugin=plugin, owner=owner)
        except BaseException:
            await backend.close()
            raise

    backend.open = open_and_check  # type: ignore[method-assign]  # for this one backend
    return backend
