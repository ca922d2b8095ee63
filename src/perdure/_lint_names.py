"""What names stand for, as far as the text of one module tells: imports, functions, variables."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

_BUILTINS = frozenset(dir(builtins))
_MAKERS_OF_MUTABLES = frozenset(
    {
        "builtins.dict",
        "builtins.list",
        "builtins.set",
        "collections.Counter",
        "collections.OrderedDict",
        "collections.defaultdict",
        "collections.deque",
    }
)
_MUTATORS = frozenset(
    [
        "add",
        "append",
        "appendleft",
        "clear",
        "discard",
        "extend",
        "insert",
        "pop",
        "popitem",
        "popleft",
        "remove",
        "setdefault",
        "update",
    ]
)


class ModuleNames:
    """The names of a module.

    Attributes:
        imports: What each imported name stands for: ``datetime`` may be ``datetime.datetime``.
        variables: The names assigned at its top level.
        values: The last value assigned to each of those, where it is a plain assignment.
        mutables: Those that hold a list, a dictionary, a set or the like.
        changed: Those that some function of the module rebinds or changes.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.imports = dict(_imports(tree))
        self._functions: dict[ast.AST, dict[str, FunctionNode]] = {}
        self._parents: dict[ast.AST, ast.AST] = {}
        self._tree = tree
        self._find_functions(tree, tree)
        self.values = dict(_top_level_values(tree))
        self.variables = frozenset(self.values)
        nothing = Scope(self, None)
        self.mutables = frozenset(
            name for name, value in self.values.items() if _is_mutable(value, nothing)
        )
        self.changed = frozenset(self._changed())

    def functions(self) -> Iterator[FunctionNode]:
        """Yield every function, however deep."""
        for inner in self._functions.values():
            yield from inner.values()

    def function(self, name: str, *, seen_from: ast.AST) -> FunctionNode | None:
        """Return the function that ``name`` means within ``seen_from``."""
        place: ast.AST | None = seen_from
        while place is not None:
            found = self._functions.get(place, {}).get(name)
            if found is not None:
                return found
            place = self._parents.get(place)
        return None

    def _find_functions(self, node: ast.AST, place: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, FunctionNode):
                if not isinstance(node, ast.ClassDef):
                    self._functions.setdefault(place, {})[child.name] = child
                self._parents[child] = place
                self._find_functions(child, child)
            else:
                self._find_functions(child, place)

    def _changed(self) -> Iterator[str]:
        for function in self.functions():
            scope = Scope(self, function)
            for node in ast.walk(function):
                if isinstance(node, ast.Global):
                    yield from node.names
                else:
                    name = changed_variable(node, scope)
                    if name is not None:
                        yield name


class Scope:
    """The names as one function sees them; what it nests is taken for one with it."""

    def __init__(self, module: ModuleNames, function: FunctionNode | None) -> None:
        self.module = module
        self._imports: dict[str, str] = {}
        self._locals: set[str] = set()
        if function is not None:
            self._imports = dict(_imports(function))
            self._locals = set(_bindings(function)) - _globals(function)

    def is_local(self, name: str) -> bool:
        """Whether the function itself binds ``name``."""
        return name in self._locals or name in self._imports

    def is_variable(self, name: str) -> bool:
        """Whether ``name`` is a variable of the module here."""
        return name in self.module.variables and not self.is_local(name)

    def meaning(self, node: ast.AST | None) -> str | None:
        """Return the full name of what an expression stands for, if the imports tell."""
        if isinstance(node, ast.Attribute):
            base = self.meaning(node.value)
            return None if base is None else f"{base}.{node.attr}"
        if not isinstance(node, ast.Name):
            return None
        name = node.id
        if name in self._imports:
            return self._imports[name]
        if name in self._locals:
            return None
        if name in self.module.imports:
            return self.module.imports[name]
        is_own = name in self.module.variables or self.module.function(
            name, seen_from=self.module._tree
        )
        return f"builtins.{name}" if name in _BUILTINS and not is_own else None


def changed_variable(node: ast.AST, scope: Scope) -> str | None:
    """Return the variable of the module that ``node`` changes in place, if it does."""
    target: ast.AST | None = None
    if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
        target = node.value
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _MUTATORS
    ):
        root = node.func.value
        is_mutable = isinstance(root, ast.Name) and root.id in scope.module.mutables
        target = root if is_mutable else None
    while isinstance(target, ast.Subscript | ast.Attribute):
        target = target.value
    if isinstance(target, ast.Name) and scope.is_variable(target.id):
        return target.id
    return None


def _imports(place: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield what a module imports at its top level, or a function anywhere in it."""
    nodes = _outside_functions(place) if isinstance(place, ast.Module) else ast.walk(place)
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    yield alias.asname, alias.name
                else:
                    root = alias.name.partition(".")[0]
                    yield root, root
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:  # of the same project: not one of those we know
                yield alias.asname or alias.name, f".{node.module or ''}.{alias.name}"


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, FunctionNode):
            yield child
            yield from _outside_functions(child)


def _bindings(function: FunctionNode) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, FunctionNode | ast.ClassDef):
            if node is not function:
                yield node.name
        elif isinstance(node, ast.ExceptHandler) and node.name is not None:
            yield node.name


def _globals(function: FunctionNode) -> set[str]:
    return {
        name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names
    }


def _top_level_values(tree: ast.Module) -> Iterator[tuple[str, ast.expr | None]]:
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from ((n.id, node.value) for n in ast.walk(target) if isinstance(n, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.value
        elif isinstance(node, ast.If | ast.Try | ast.With):
            pending.extend(ast.iter_child_nodes(node))


def _is_mutable(value: ast.expr | None, scope: Scope) -> bool:
    if isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp):
        return True
    return isinstance(value, ast.Call) and scope.meaning(value.func) in _MAKERS_OF_MUTABLES
