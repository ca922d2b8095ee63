"""A lint of workflow functions: what a replay would do differently, found in their text.

Only functions decorated with ``@….workflow`` and the functions of the same module that they use
are looked at; activities may do as they like. The module is read, never imported. A line says
``# perdure: ignore`` or ``# perdure: ignore[clock]`` where the fault is meant; on the line of a
``def`` it speaks for the whole function.

It knows what things are called, not what they do: code in other modules, methods and what hides
behind a variable are beyond it. A strict replay finds some of that.
"""

from __future__ import annotations

import ast
import importlib.util
import io
import re
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

from perdure import _lint_rules as rules
from perdure._lint_names import FunctionNode, ModuleNames, Scope, changed_variable
from perdure._lint_sets import SetReader
from perdure.errors import ConfigurationError
from perdure.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure._lint_rules import Rule

_SUPPRESSION = re.compile(r"#\s*perdure:\s*ignore(?:\[([^\]]*)\])?")


def lint_module(path: str | Path) -> list[Finding]:
    """Return what is wrong in the workflows of a module, by file and line.

    Args:
        path: A file; a folder, for every ``*.py`` below it; or the dotted name of a module, with
            or without ``:APP``, of which nothing but its packages is imported.

    Raises:
        ConfigurationError: There is no such file or module.
    """
    return [finding for file in _files(path) for finding in _lint_file(file)]


def lint_source(text: str, *, path: str) -> list[Finding]:
    """Return what is wrong in the workflows of ``text``, which is the content of ``path``."""
    try:
        tree = ast.parse(text, path)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 0
        return [Finding(path=path, line=line, rule="syntax", problem=f"not Python: {error}")]
    ignored = dict(_suppressions(text))
    names = ModuleNames(tree)
    found = [
        Finding(
            path=path,
            line=line,
            rule="suppression",
            problem=f"no rule {rule!r}",
            remedy=f"the rules: {', '.join(rules.NAMES)}",
        )
        for line, given in ignored.items()
        for rule in given - set(rules.NAMES)
    ]
    for function, workflow in _reached(tree, names):
        faults = _Reader(names, function).faults()
        place = _place(function, workflow)
        by_key = {(node.lineno, rule.name): (node, rule, what) for node, rule, what in faults}
        found += [
            Finding(path=path, line=line, rule=rule.name, problem=what + place, remedy=rule.remedy)
            for (line, _), (node, rule, what) in by_key.items()
            if not _is_ignored(ignored, node, function, rule=rule)
        ]
    return sorted(set(found), key=lambda finding: (finding.line, finding.rule))


def _place(function: FunctionNode, workflow: FunctionNode) -> str:
    if function is workflow:
        return f" in workflow {function.name!r}"
    return f" in {function.name}(), which workflow {workflow.name!r} uses"


class _Reader:
    """Reads one function."""

    def __init__(self, names: ModuleNames, function: FunctionNode) -> None:
        self._names = names
        self._function = function
        self._scope = Scope(names, function)

    def faults(self) -> Iterator[tuple[ast.expr | ast.stmt, Rule, str]]:
        """Yield what is wrong: where, which rule, and what it is."""
        for statement in self._function.body:
            yield from self._of_node(statement)
        for expression in SetReader(self._scope, self._function).uses():
            yield expression, rules.SETS, f"goes through the set {_text(expression)} in its order"

    def _of_node(self, node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, Rule, str]]:
        fault = self._of_one(node)
        if fault is not None:
            assert isinstance(node, ast.expr | ast.stmt)
            yield node, *fault
        if fault is None or isinstance(node, ast.Call):
            for child in _children(node, is_faulty=fault is not None):
                yield from self._of_node(child)

    def _of_one(self, node: ast.AST) -> tuple[Rule, str] | None:
        """Return what is wrong with a node itself."""
        if isinstance(node, ast.Call) and (rule := self._of_call(node)) is not None:
            return rule, f"calls {_text(node.func)}"
        return self._of_state(node) or self._of_use(node)

    def _of_call(self, call: ast.Call) -> Rule | None:
        meaning = self._scope.meaning(call.func)
        if meaning is not None:
            count = len(call.args) + len(call.keywords)
            return rules.of_call(meaning, argument_count=count)
        if not isinstance(call.func, ast.Attribute):
            return None
        receiver = call.func.value
        made_by = receiver.func if isinstance(receiver, ast.Call) else None
        return rules.of_method(call.func.attr, receiver=self._scope.meaning(made_by))

    def _of_use(self, node: ast.AST) -> tuple[Rule, str] | None:
        if not isinstance(node, ast.Name | ast.Attribute):
            return None
        meaning = self._scope.meaning(node)
        rule = None if meaning is None else rules.of_use(meaning)
        return None if rule is None else (rule, f"uses {_text(node)}")

    def _of_state(self, node: ast.AST) -> tuple[Rule, str] | None:
        if isinstance(node, ast.Global):
            return rules.STATE, f"changes the global variable {', '.join(node.names)}"
        changed = changed_variable(node, self._scope)
        if changed is not None:
            return rules.STATE, f"changes the global variable {changed}"
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            name = node.id
            if name in self._names.changed and self._scope.is_variable(name):
                return rules.STATE, f"reads the global variable {name}, which this module changes"
        return None


def _children(node: ast.AST, *, is_faulty: bool) -> Iterator[ast.AST]:
    """Yield the parts of a node that run in the workflow; types are only for people."""
    if isinstance(node, FunctionNode):
        if not is_activity(node):
            yield from node.body
    elif isinstance(node, ast.AnnAssign):
        yield node.target
        if node.value is not None:
            yield node.value
    elif isinstance(node, ast.Call) and is_faulty:
        yield from node.args  # what is called has been told of
        yield from node.keywords
    else:
        yield from ast.iter_child_nodes(node)


def is_activity(function: FunctionNode) -> bool:
    """Return whether a function is decorated as an activity."""
    return any(_decorator_name(decorator) == "activity" for decorator in function.decorator_list)


def _reached(tree: ast.Module, names: ModuleNames) -> Iterator[tuple[FunctionNode, FunctionNode]]:
    """Yield each function that a workflow runs, with the first workflow that does."""
    seen: set[FunctionNode] = set()
    for workflow in _workflows(tree, names):
        pending: list[FunctionNode] = [workflow]
        while pending:
            function = pending.pop()
            if function in seen:
                continue
            seen.add(function)
            yield function, workflow
            pending.extend(_used_by(function, names))


def _used_by(function: FunctionNode, names: ModuleNames) -> Iterator[FunctionNode]:
    inner = {node for node in ast.walk(function) if isinstance(node, FunctionNode)}
    for statement in function.body:
        for node in ast.walk(statement):
            if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
                continue
            used = names.function(node.id, seen_from=function)
            # What it nests is read with it; workflows and activities stand for themselves.
            if used is not None and used not in inner and not _is_registered(used):
                yield used


def _workflows(tree: ast.Module, names: ModuleNames) -> Iterator[FunctionNode]:
    scope = Scope(names, None)
    for function in names.functions():
        if not isinstance(function, ast.AsyncFunctionDef):
            continue
        for decorator in function.decorator_list:
            if _decorator_name(decorator) == "workflow" and not _is_foreign(decorator, scope):
                yield function
                break
    for node in ast.walk(tree):  # app.workflow(plan), without a decorator
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Name):
            named = names.function(node.args[0].id, seen_from=tree)
            is_workflow = _decorator_name(node.func) == "workflow"
            if named is not None and is_workflow and not _is_foreign(node.func, scope):
                yield named


def _is_registered(function: FunctionNode) -> bool:
    kinds = {_decorator_name(decorator) for decorator in function.decorator_list}
    return bool(kinds & {"activity", "workflow"})


def _decorator_name(decorator: ast.expr) -> str:
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    return decorator.attr if isinstance(decorator, ast.Attribute) else ""


def _is_foreign(decorator: ast.expr, scope: Scope) -> bool:
    """Return whether a decorator is plainly of another library."""
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    owner = function.value if isinstance(function, ast.Attribute) else None
    if not isinstance(owner, ast.Name):
        return False
    made_by = scope.module.values.get(owner.id)
    maker = scope.meaning(made_by.func) if isinstance(made_by, ast.Call) else None
    return maker is not None and not maker.startswith(("perdure.", "builtins.", "."))


def _suppressions(text: str) -> Iterator[tuple[int, frozenset[str]]]:
    """Yield each line with a suppression and the rules it names; none means all."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            match = _SUPPRESSION.search(token.string) if token.type == tokenize.COMMENT else None
            if match is not None:
                named = (rule.strip() for rule in (match[1] or "").split(","))
                yield token.start[0], frozenset(rule for rule in named if rule)
    except tokenize.TokenError:  # ast has read it, so what is odd stands at the very end
        return


def _is_ignored(
    ignored: dict[int, frozenset[str]],
    node: ast.expr | ast.stmt,
    function: FunctionNode,
    *,
    rule: Rule,
) -> bool:
    lines = {function.lineno, *range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    given = [ignored[line] for line in lines if line in ignored]
    return any(not named or rule.name in named for named in given)


def _text(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _lint_file(path: Path) -> list[Finding]:
    try:
        with tokenize.open(path) as file:
            text = file.read()
    except (SyntaxError, UnicodeDecodeError) as error:
        return [Finding(path=str(path), line=0, rule="syntax", problem=f"not Python: {error}")]
    return lint_source(text, path=str(path))


def _files(path: str | Path) -> list[Path]:
    file = Path(path)
    if file.is_dir():
        return sorted(file.rglob("*.py"))
    if file.is_file():
        return [file]
    name = str(path).partition(":")[0]
    if Path(name).is_file():
        return [Path(name)]
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        problem = "there is no such file, and no such module of Python code"
        raise ConfigurationError(setting=str(path), problem=problem)
    return [Path(spec.origin)]
