"""What a workflow looks like to a type checker that is to accept it with so many arguments.

``Workflow[[A], R]`` would do for mypy; pyright takes it to mean exactly one parameter, and refuses
a workflow whose further parameters have defaults. Both compare calls alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from perdure._replay.definition import WorkflowDefinition

A_contra = TypeVar("A_contra", contravariant=True)
B_contra = TypeVar("B_contra", contravariant=True)
C_contra = TypeVar("C_contra", contravariant=True)
D_contra = TypeVar("D_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class _Definable(Protocol):
    def definition(self) -> WorkflowDefinition:
        """Be there: a plain function has no such method, so it is not accepted."""
        ...


class Startable0(_Definable, Protocol[R_co]):
    """A workflow that can be called without arguments."""

    def __call__(self) -> Coroutine[Any, Any, R_co]: ...


class Startable1(_Definable, Protocol[A_contra, R_co]):
    """A workflow that can be called with one argument."""

    def __call__(self, a: A_contra, /) -> Coroutine[Any, Any, R_co]: ...


class Startable2(_Definable, Protocol[A_contra, B_contra, R_co]):
    """A workflow that can be called with two arguments."""

    def __call__(self, a: A_contra, b: B_contra, /) -> Coroutine[Any, Any, R_co]: ...


class Startable3(_Definable, Protocol[A_contra, B_contra, C_contra, R_co]):
    """A workflow that can be called with three arguments."""

    def __call__(self, a: A_contra, b: B_contra, c: C_contra, /) -> Coroutine[Any, Any, R_co]: ...


class Startable4(_Definable, Protocol[A_contra, B_contra, C_contra, D_contra, R_co]):
    """A workflow that can be called with four arguments."""

    def __call__(
        self, a: A_contra, b: B_contra, c: C_contra, d: D_contra, /
    ) -> Coroutine[Any, Any, R_co]: ...
