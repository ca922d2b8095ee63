"""Asking a plugin for what it offers, through pluggy: one manager for one plugin, then forgotten.

A manager for all plugins would load all plugins; nothing here needs to know more than one.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pluggy

from perdure._plugin_checks import check_spi_version
from perdure.errors import PluginError
from perdure.spi import hookspecs

if TYPE_CHECKING:
    from collections.abc import Callable


def ask(found: object, *, hook: str, name: str, value: str, owner: str) -> Callable[..., Any]:
    """Return what a plugin offers under ``name``.

    Args:
        found: What the entry point names: something to call, or something with hooks.
        hook: Which hook gives the offers.
        name: The name of the entry point.
        value: Its value, ``module:attribute``, for messages.
        owner: The package that it came with, for messages.

    Raises:
        PluginError: It is neither of both, has a hook that there is not, was written for another
            version of the SPI, or offers something else.
    """
    if callable(found) and not inspect.ismodule(found):
        return found
    manager = _registered(found, name=name, value=value, owner=owner)
    if not manager.get_hookcallers(found):
        problem = f"{owner} offers {value}, which is not a function or a class, "
        problem += f"and has no hooks; mark {hook} in it with perdure.spi.hookspecs.hookimpl"
        raise PluginError(plugin=name, problem=problem)
    # Before the hooks are held to ours: those of another version may have other names.
    version = _call(manager.hook.perdure_spi_version, name=name, owner=owner)
    check_spi_version(1 if version is None else version, plugin=name, owner=owner)
    _check(manager.check_pending, name=name, value=value, owner=owner)
    return _picked(
        _call(getattr(manager.hook, hook), name=name, owner=owner),
        hook=hook,
        name=name,
        owner=owner,
    )


def _registered(found: object, *, name: str, value: str, owner: str) -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    _check(lambda: manager.register(found, name), name=name, value=value, owner=owner)
    return manager


def _check(step: Callable[[], object], *, name: str, value: str, owner: str) -> None:
    try:
        step()
    except pluggy.PluginValidationError as error:
        known = ", ".join(sorted(key for key in vars(hookspecs) if key.startswith("perdure_")))
        problem = f"{owner} does not fit ({value}): {_first_line(error)}; hooks: {known}"
        raise PluginError(plugin=name, problem=problem) from error


def _call(hook: Callable[[], Any], *, name: str, owner: str) -> Any:
    try:
        return hook()
    except Exception as error:  # a plugin's hook may raise anything
        problem = f"a hook of {owner} failed: {error!r}; tell its authors"
        raise PluginError(plugin=name, problem=problem) from error


def _picked(answers: list[Any], *, hook: str, name: str, owner: str) -> Callable[..., Any]:
    offers: dict[str, Any] = {}
    for answer in answers:
        if not isinstance(answer, Mapping):
            problem = f"{hook} of {owner} returned {answer!r}, and a mapping by name is wanted"
            raise PluginError(plugin=name, problem=problem)
        offers.update(answer)
    if name not in offers:
        offered = ", ".join(sorted(map(str, offers))) or "nothing"
        problem = f"{hook} of {owner} does not offer it; it offers: {offered}"
        raise PluginError(plugin=name, problem=problem)
    if not callable(offers[name]):
        problem = f"{hook} of {owner} offers {offers[name]!r}, which is not a function or a class"
        raise PluginError(plugin=name, problem=problem)
    return offers[name]  # type: ignore[no-any-return]  # whether it fits shows when it is called


def _first_line(error: BaseException) -> str:
    # pluggy begins some messages with an empty line.
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:3])
