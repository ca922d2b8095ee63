"""What activities and workflows have in common: a function under a name, and calls to it."""

from __future__ import annotations

import abc
import copy
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, Self, TypeVar

from perdure._functions import check_function, function_name

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Mapping

    from perdure.names import FunctionKind
    from perdure.payloads import ParameterConverter, ValueConverter
    from perdure.workflow import Workflow

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Code:
    """A registered function and its converters, made on first use and shared by all variants."""

    def __init__(self, kind: FunctionKind, name: str, function: Callable[..., Any]) -> None:
        self.label = f"{kind} {name!r}"
        self.function = function

    @functools.cached_property
    def parameters(self) -> ParameterConverter:
        """What turns arguments into JSON and back."""
        from perdure.payloads import ParameterConverter

        return ParameterConverter(self.function, owner=self.label)

    @functools.cached_property
    def result(self) -> ValueConverter:
        """What turns the result into JSON and back."""
        from perdure.payloads import ValueConverter

        return ValueConverter.of_result(self.function, owner=self.label)


class Definition(abc.ABC, Generic[P, R_co]):
    """A function that perdure can run by its name."""

    kind: ClassVar[FunctionKind]
    __name__: str
    __qualname__: str

    def __init__(self, function: Callable[P, Any], *, name: str | None = None) -> None:
        if isinstance(function, Definition):
            remedy = f"include its registry, or pass the function, {function.__name__}.local"
            raise TypeError(f"{function!r} is registered already; {remedy}")
        check_function(self.kind, function)
        self.name = function_name(self.kind, function, name)
        self.code = Code(self.kind, self.name, function)
        # Not its __dict__: an attribute of the function must not replace one of ours.
        functools.update_wrapper(self, function, updated=())

    @abc.abstractmethod
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]:
        """Check the arguments and return the coroutine of the result."""

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name!r}>"

    def bind(self, /, *args: P.args, **kwargs: P.kwargs) -> Call[R_co]:
        """Return a call that is not made yet, for places that take options beside arguments.

        Raises:
            TypeError: The arguments do not fit the parameters.
        """
        arguments = self.code.parameters.bind(args, kwargs)
        return Call(target=self, args=args, kwargs=kwargs, arguments=arguments)

    def _named(self, coroutine: Coroutine[Any, Any, R_co]) -> Coroutine[Any, Any, R_co]:
        # What "was never awaited" and the repr of a task show.
        coroutine.__qualname__ = self.__qualname__  # type: ignore[attr-defined]  # an async def's has one
        return coroutine

    def _variant(self, *, name: str | None, **attributes: Any) -> Self:
        """Return a copy with other ``attributes``, to be called by ``name`` if that is given."""
        variant = copy.copy(self)
        if name is not None:
            variant.name = function_name(self.kind, self.code.function, name)
        vars(variant).update(attributes)
        return variant


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Call(Generic[R_co]):
    """An activity or a workflow with its arguments. Awaiting it makes the call, each time anew.

    Attributes:
        arguments: The arguments by the names of the parameters, without the defaults.
    """

    target: Definition[..., R_co]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    arguments: dict[str, Any]

    def __await__(self) -> Generator[Any, Any, R_co]:
        return self.target(*self.args, **self.kwargs).__await__()

    @property
    def workflow(self) -> Workflow[..., R_co]:
        """The workflow that is to be called.

        Raises:
            TypeError: It is an activity.
        """
        from perdure.workflow import Workflow

        if not isinstance(self.target, Workflow):
            raise TypeError(
                f"a workflow is wanted here, and {self.target.name!r} is an activity: just await it"
            )
        return self.target

    def encode(self) -> str:
        """Return the arguments as they are stored: a JSON object by parameter name.

        Raises:
            PayloadError: One of them cannot be stored, or is not of its declared type.
        """
        return self.target.code.parameters.encode(self.arguments)
