"""Taking over: how an object of the framework is made to act durably in workflows.

Its class is replaced by a subclass of that class, made once per class, which does something of its
own in a workflow and nothing elsewhere. So the object stays what it was to everybody who holds it,
with all its attributes and ``isinstance`` relations.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from perdure.framework import in_workflow, running_workflow

if TYPE_CHECKING:
    from perdure_agent_framework.catalogue import Catalogue

Methods = Callable[[type], Mapping[str, Any]]
"""Gives the methods and properties of the subclass of a class, which call that class's own."""

_ATTRIBUTE = "_perdure_seam"


@dataclass(slots=True, weakref_slot=True)
class Seam:
    """What a taken-over object is called in the catalogues of the apps that know it."""

    keys: weakref.WeakKeyDictionary[Catalogue, str] = field(
        default_factory=weakref.WeakKeyDictionary
    )

    def here(self) -> tuple[Catalogue, str] | None:
        """Return the catalogue and the key that hold in the workflow that runs here.

        ``None`` outside workflows, and in those of an app that does not know the object.
        """
        if not in_workflow():
            return None
        workflow = running_workflow()
        return next(((it, key) for it, key in self.keys.items() if it.serves(workflow)), None)


def take_over(target: Any, methods: Methods, catalogue: Catalogue, key: str) -> str:
    """Make ``target`` act by ``methods`` in workflows; return the key that it has from now on.

    Taking over twice changes nothing: the first key stays.
    """
    seam = seam_of(target)
    if seam is None:
        kind: type = type(target)
        target.__class__ = _taken_over(kind, methods)
        seam = Seam()
        object.__setattr__(target, _ATTRIBUTE, seam)
    return seam.keys.setdefault(catalogue, key)


def here_of(target: Any) -> tuple[Catalogue, str] | None:
    """Return what :meth:`Seam.here` says of an object; ``None`` if it was not taken over."""
    seam = seam_of(target)
    return None if seam is None else seam.here()


def seam_of(target: Any) -> Seam | None:
    """Return the seam of an object that was taken over."""
    found = getattr(target, _ATTRIBUTE, None)
    return found if isinstance(found, Seam) else None


@functools.cache
def _taken_over(kind: type, methods: Methods) -> type:
    # Under its own name: what prints or stores the name of the class does not change. One base
    # only: with a second, Python would call the layouts of the objects different.
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__slots__": ()}
    return type(kind.__name__, (kind,), {**names, "__doc__": kind.__doc__, **methods(kind)})
