"""Where a workflow goes through a set: its order differs from process to process.

A set counts as one only where the text shows it: a display, a comprehension, ``set(…)``, an
operation of sets, a variable that only ever holds such, or an annotation. Sets of tasks and futures
are left alone, since perdure orders them, and so are sets of whole numbers, which have no seed.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure._lint_names import FunctionNode, Scope

_CLASSES = frozenset({"set", "frozenset", "Set", "FrozenSet", "AbstractSet", "MutableSet"})
_METHODS = frozenset({"copy", "difference", "intersection", "symmetric_difference", "union"})
_ORDERLESS = frozenset(
    f"builtins.{name}"
    for name in ["all", "any", "bool", "frozenset", "len", "max", "min", "set", "sorted", "sum"]
)
_ORDERED = frozenset(
    f"builtins.{name}"
    for name in ["dict", "enumerate", "filter", "iter", "list", "map", "tuple", "zip"]
)
_TASK_MAKERS = frozenset({"create_task", "ensure_future"})
_TASK_USERS = frozenset({"asyncio.wait", "asyncio.as_completed"})
_ORDERED_ELEMENTS = frozenset({"int", "bool", "Task", "Future"})
_OPERATORS = (ast.BitOr, ast.BitAnd, ast.BitXor, ast.Sub)


class SetReader:
    """Tells which expressions of one function are sets, and where it depends on their order."""

    def __init__(self, scope: Scope, function: FunctionNode) -> None:
        self._scope = scope
        self._function = function
        self._values: dict[str, list[ast.expr | None]] = {}
        self._annotations: dict[str, ast.expr] = {}
        self._added: dict[str, list[ast.expr]] = {}
        self._awaited: set[str] = set()
        for node in ast.walk(function):
            self._note(node)

    def uses(self) -> Iterator[ast.expr]:
        """Yield each expression that goes through a set in its order."""
        free = set(self._orderless())
        for node in ast.walk(self._function):
            for expression in self._gone_through(node):
                if node not in free and self._is_set(expression):
                    yield expression

    def _orderless(self) -> Iterator[ast.AST]:
        """Yield what goes through a set where no order can be seen afterwards."""
        for node in ast.walk(self._function):
            if isinstance(node, ast.SetComp):
                yield node
            elif isinstance(node, ast.Set):
                yield from (e for e in node.elts if isinstance(e, ast.Starred))
            elif isinstance(node, ast.Call) and self._scope.meaning(node.func) in _ORDERLESS:
                yield from node.args

    def _gone_through(self, node: ast.AST) -> Iterator[ast.expr]:
        if isinstance(node, ast.For):
            yield node.iter
        elif isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp):
            yield from (generator.iter for generator in node.generators)
        elif isinstance(node, ast.Starred | ast.YieldFrom) or (
            isinstance(node, ast.Assign) and _has_several(node.targets[0])
        ):
            yield node.value
        elif isinstance(node, ast.Call):
            yield from self._gone_through_by_call(node)

    def _gone_through_by_call(self, call: ast.Call) -> Iterator[ast.expr]:
        function = call.func
        if self._scope.meaning(function) in _ORDERED:
            yield from call.args
        elif isinstance(function, ast.Attribute):
            if function.attr == "join" or (
                function.attr == "fromkeys" and self._scope.meaning(function.value) is not None
            ):
                yield from call.args[:1]
            elif function.attr == "pop" and not call.args:
                yield function.value

    def _is_set(self, node: ast.expr | None, depth: int = 0) -> bool:
        if depth > 8:  # variables that hold one another
            return False
        if isinstance(node, ast.Set):
            return not all(_is_number(element) for element in node.elts) and not any(
                self._is_task(element) for element in node.elts
            )
        if isinstance(node, ast.SetComp):
            return not self._is_task(node.elt)
        if isinstance(node, ast.BinOp) and isinstance(node.op, _OPERATORS):
            return self._is_set(node.left, depth + 1) or self._is_set(node.right, depth + 1)
        if isinstance(node, ast.IfExp):
            return self._is_set(node.body, depth + 1) or self._is_set(node.orelse, depth + 1)
        if isinstance(node, ast.Call):
            return self._is_call_of_set(node, depth)
        return isinstance(node, ast.Name) and self._is_variable_of_set(node.id, depth)

    def _is_call_of_set(self, call: ast.Call, depth: int) -> bool:
        if self._scope.meaning(call.func) in ("builtins.set", "builtins.frozenset"):
            argument = call.args[0] if call.args else None
            if isinstance(argument, ast.Call):
                return self._scope.meaning(argument.func) != "builtins.range"
            if isinstance(argument, ast.ListComp | ast.GeneratorExp):
                return not self._is_task(argument.elt)
            return not (isinstance(argument, ast.Name) and argument.id in self._awaited)
        is_method = isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS
        return is_method and self._is_set(call.func.value, depth + 1)  # type: ignore[attr-defined]

    def _is_variable_of_set(self, name: str, depth: int) -> bool:
        if name in self._awaited or any(map(self._is_task, self._added.get(name, ()))):
            return False
        if name in self._annotations:
            return _is_set_type(self._annotations[name])
        if self._scope.is_local(name):
            values = self._values.get(name, [])
        elif self._scope.is_variable(name):
            values = [self._scope.module.values[name]]
        else:
            return False
        return bool(values) and all(self._is_set(value, depth + 1) for value in values)

    def _is_task(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            values = self._values.get(node.id, [])
            return any(isinstance(value, ast.Call) and _makes_task(value) for value in values)
        return isinstance(node, ast.Call) and _makes_task(node)

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.arg) and node.annotation is not None:
            self._annotations[node.arg] = node.annotation
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            self._annotations[node.target.id] = node.annotation
        elif isinstance(node, ast.Assign):
            self._note_assignment(node)
        elif isinstance(node, ast.For | ast.comprehension):
            self._note_unknown(node.target)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            self._note_unknown(node.optional_vars)
        elif isinstance(node, ast.NamedExpr):
            self._values.setdefault(node.target.id, []).append(node.value)
        elif isinstance(node, ast.Call):
            self._note_call(node)

    def _note_assignment(self, node: ast.Assign) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._values.setdefault(target.id, []).append(node.value)
            else:
                self._note_unknown(target)

    def _note_unknown(self, target: ast.AST) -> None:
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._values.setdefault(node.id, []).append(None)

    def _note_call(self, call: ast.Call) -> None:
        function = call.func
        if (
            isinstance(function, ast.Attribute)
            and function.attr == "add"
            and isinstance(function.value, ast.Name)
        ):
            self._added.setdefault(function.value.id, []).extend(call.args)
        if self._scope.meaning(function) in _TASK_USERS:
            for argument in call.args:
                inner = argument.value if isinstance(argument, ast.Starred) else argument
                if isinstance(inner, ast.Name):
                    self._awaited.add(inner.id)


def _makes_task(call: ast.Call) -> bool:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in _TASK_MAKERS


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def _is_set_type(annotation: ast.expr) -> bool:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return False
    if not isinstance(annotation, ast.Subscript):
        return _last(annotation) in _CLASSES
    element = annotation.slice
    if isinstance(element, ast.Subscript):
        element = element.value
    return _last(annotation.value) in _CLASSES and _last(element) not in _ORDERED_ELEMENTS


def _last(node: ast.expr | None) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _has_several(target: ast.expr) -> bool:
    return isinstance(target, ast.Tuple | ast.List) and len(target.elts) > 1
