"""Tasks of the functional API: found before they are called, so that any worker can run them."""

from __future__ import annotations

import functools
import sys
import types
from typing import TYPE_CHECKING, Any

from langgraph._internal._runnable import RunnableCallable, is_async_callable
from langgraph.func import _TaskFunction
from langgraph.pregel._read import PregelNode

from perdure_langgraph.catalogue import Node
from perdure_langgraph.errors import DuplicateTaskError, TaskNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langgraph.pregel import Pregel

    from perdure_langgraph.catalogue import Catalogue

    Task = _TaskFunction[..., Any]


class Tasks:
    """The tasks that the body of an entrypoint calls, each with a key of its own."""

    def __init__(
        self,
        catalogue: Catalogue,
        graph: Pregel[Any, Any, Any, Any],
        path: str,
        root: Pregel[Any, Any, Any, Any],
    ) -> None:
        self._catalogue = catalogue
        self._graph = graph
        self._path = path
        self._root = root

    def add_those_of(self, function: Callable[..., Any]) -> None:
        """Let the tasks be found that ``function`` refers to, by itself or by what it calls.

        Raises:
            DuplicateTaskError: Two of them are called the same.
        """
        for task in _tasks_in(function):
            self._add(task)
        self._catalogue.task_paths[self._path] = self

    def node_of(self, function: Callable[..., Any]) -> Node:
        """Return the node that is the task of a function.

        Raises:
            TaskNotFoundError: Another process could not find it.
        """
        key = self._key(function)
        node = self._catalogue.nodes.get(key) or self.imported(key)
        if node is None or _function_of(node) is not function:
            raise TaskNotFoundError(task=function.__name__, entrypoint=self._path)
        return node

    def imported(self, key: str) -> Node | None:
        """Return the task that a module has under the name in ``key``."""
        module_name, _, qualified_name = key.removeprefix(f"{self._path}/").partition(":")
        # Of what is loaded only: a request must not be able to load code.
        found: Any = sys.modules.get(module_name)
        for name in qualified_name.split("."):
            found = getattr(found, name, None)
        return self._add(found) if isinstance(found, _TaskFunction) else None

    def _add(self, task: Task) -> Node:
        key = self._key(task.func)
        known = self._catalogue.nodes.setdefault(key, self._node(key, task))
        if _function_of(known) is not task.func:
            raise DuplicateTaskError(task=task.func.__name__, entrypoint=self._path)
        return known

    def _node(self, key: str, task: Task) -> Node:
        function = task.func
        given = (None, function) if is_async_callable(function) else (function, None)
        bound = RunnableCallable(
            *given, explode_args=True, name=function.__name__, trace=False, recurse=False
        )
        node = PregelNode(
            channels=[],
            triggers=[],
            bound=bound,
            retry_policy=list(task.retry_policy),
            cache_policy=task.cache_policy,
            timeout=task.timeout,
        )
        return Node(key=key, node=node, graph=self._graph, root=self._root)

    def _key(self, function: Callable[..., Any]) -> str:
        owner, dot, _ = getattr(function, "__qualname__", "").rpartition(".")
        return f"{self._path}/{function.__module__}:{owner}{dot}{function.__name__}"


def _function_of(node: Node) -> Any:
    bound: Any = node.node.bound
    return bound.func or bound.afunc


def _tasks_in(function: Any) -> Iterator[Task]:
    """Yield the tasks that a function refers to in its closure and its module, and so on."""
    seen: set[int] = set()
    left: list[Any] = [function]
    while left:
        value = left.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, _TaskFunction):
            yield value
        elif isinstance(value, dict):
            left.extend(value.values())
        elif isinstance(value, list | tuple | set):
            left.extend(value)
        else:
            left.extend(_referred_to(value))


def _referred_to(value: Any) -> Iterator[Any]:
    if isinstance(value, functools.partial):
        yield value.func
    elif isinstance(value, types.MethodType):
        yield value.__func__
        yield from vars(value.__self__).values() if hasattr(value.__self__, "__dict__") else ()
    elif isinstance(value, types.FunctionType):
        # A cell is empty while what it is for has not been defined.
        yield from (cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell))
        for name in _names_in(value.__code__):
            found = value.__globals__.get(name)
            if isinstance(found, types.ModuleType):
                tasks = (getattr(found, other, None) for other in _names_in(value.__code__))
                yield from (task for task in tasks if isinstance(task, _TaskFunction))
            elif not isinstance(found, type):
                yield found


def _names_in(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names_in(constant)


def _is_filled(cell: types.CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True
