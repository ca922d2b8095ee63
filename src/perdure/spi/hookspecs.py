"""Hooks: what a plugin can offer, each as a function of this name with ``@hookimpl`` on it.

A plugin is found through an entry point of the group ``perdure.backends``, and loaded only when
somebody asks for it by that name. The entry point may name

* what makes the one thing it is called after: a :class:`~perdure.spi.Backend` class, or a function;
* or a module (or another object) with hooks, where one plugin offers several things::

      from perdure.spi.hookspecs import hookimpl

      @hookimpl
      def perdure_backends():
          return {"toy": ToyBackend, "toy-cluster": make_cluster}

A function marked with ``@hookimpl`` that is no hook of this page is an error, not a silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perdure.spi.backend import BackendFactory

PROJECT = "perdure"
BACKENDS_GROUP = "perdure.backends"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def perdure_spi_version() -> int | None:
    """Return the ``SPI_VERSION`` that the plugin was written for, as a plain number.

    Write the number, not ``perdure.spi.SPI_VERSION``, which is always that of the perdure that
    runs. Asked before any other hook; a plugin for another version is refused, and told why. A
    plugin without this hook is taken to be written for version 1.
    """


@hookspec
def perdure_backends() -> Mapping[str, BackendFactory]:  # type: ignore[empty-body]  # a hookspec
    """Return what makes each backend, by the name that selects it.

    Must not import an SDK or connect: that is for the factory, and for ``Backend.open``. May be
    called any number of times. Every name needs an entry point of its own, since perdure looks for
    the name there.
    """
