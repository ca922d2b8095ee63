"""Replaying recorded journals against today's code: would instances in flight survive a deploy?

A journal is JSON Lines, as ``perdure history ID --raw`` writes it and :mod:`perdure.spi.journal`
reads it. Nothing is run but the workflow's own code: activities are not called, no backend is
opened, no time passes. It finds what changes the commands of a workflow; strictly, also what
changes their payloads and options.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perdure._replay import WorkflowExecutor
from perdure.errors import ConfigurationError, NonDeterminismError, PayloadError
from perdure.findings import Finding
from perdure.registry import Registry
from perdure.spi.history import WorkflowStarted
from perdure.spi.journal import decode_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import ModuleType

    from perdure._replay import WorkflowDefinition
    from perdure.spi.history import HistoryEvent

    _Code = Mapping[str, list[WorkflowDefinition]]

_MOST_CHARACTERS = 300
_RESTORE = "restore that code, or guard the change with perdure.patched(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """An entry of a journal, and the line it stands on."""

    line: int
    event: HistoryEvent


def check_journal(
    path: str | Path, module: str | ModuleType | Registry, *, strict: bool = False
) -> list[Finding]:
    """Replay the journals in a file against the code of ``module``.

    Args:
        path: A file of JSON Lines with one run or several; or a folder, for every ``*.jsonl``
            below it.
        module: ``MODULE[:APP]``; or the module, the app or the registry itself. In a module
            without an app named, every one in it is looked through.
        strict: Make and compare payloads, options and results too.

    Returns:
        The first divergence of each run that has one; nothing where all replay as recorded.

    Raises:
        ConfigurationError: There is no such file, module or app.
    """
    return check_definitions(path, _definitions(_registries(module)), strict=strict)


def check_definitions(
    path: str | Path, definitions: Iterable[WorkflowDefinition], *, strict: bool = False
) -> list[Finding]:
    """Do as :func:`check_journal`, with workflows that are in no registry.

    Raises:
        ConfigurationError: There is no such file.
    """
    code: dict[str, list[WorkflowDefinition]] = {}
    for definition in definitions:
        code.setdefault(definition.name, []).append(definition)
    files = _files(Path(path))
    return [finding for file in files for finding in _check_file(file, code, strict=strict)]


def _check_file(path: Path, code: _Code, *, strict: bool) -> Iterator[Finding]:
    try:
        entries = list(_entries(path))
    except _BadLineError as bad:
        problem = str(bad.__cause__)
        yield Finding(path=str(path), line=bad.line, rule="journal", problem=problem)
        return
    if not entries:
        yield Finding(path=str(path), line=0, rule="journal", problem="it has no entries")
    for run in _runs(entries):
        finding = _check_run(path, run, code, strict=strict)
        if finding is not None:
            yield finding


def _check_run(path: Path, run: list[_Entry], code: _Code, *, strict: bool) -> Finding | None:
    def found(rule: str, problem: str, *, line: int = run[0].line, remedy: str = "") -> Finding:
        return Finding(path=str(path), line=line, rule=rule, problem=problem, remedy=remedy)

    started = run[0].event
    if not isinstance(started, WorkflowStarted):
        kind = type(started).__name__
        problem = f"a run begins with its WorkflowStarted, and here with {kind}"
        return found("journal", problem, remedy="export the whole journal")
    definitions = code.get(started.workflow, [])
    if len(definitions) != 1:
        problem, remedy = _which(started.workflow, code)
        return found("registry", problem, remedy=remedy)
    try:
        events = (entry.event for entry in run)
        WorkflowExecutor.rebuild(definitions[0], events, strict=strict).close()
    except NonDeterminismError as error:
        # The position counts the entries before the one that differs.
        at = min(error.position, len(run) - 1)
        return found("replay", _divergence(error, run), line=run[at].line, remedy=_RESTORE)
    except (TypeError, ValueError) as error:
        return found("journal", f"it cannot be replayed: {error}")
    return None


def _divergence(error: NonDeterminismError, run: list[_Entry]) -> str:
    started = run[0].event
    assert isinstance(started, WorkflowStarted)
    recorded, asked = _shortened(error.recorded), _shortened(error.asked)
    return (
        f"workflow {started.workflow!r} (instance {started.instance_id!r}) diverges at entry "
        f"{min(error.position, len(run) - 1) + 1} of {len(run)}: "
        f"recorded {recorded}, but the code now asks for {asked}"
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def _which(workflow: str, code: _Code) -> tuple[str, str]:
    if workflow in code:
        problem = f"{len(code[workflow])} different workflows are called {workflow!r}"
        return problem, "say which: MODULE:APP"
    problem = (
        f"no workflow {workflow!r} in this code, which has: {', '.join(sorted(code)) or 'none'}"
    )
    return problem, "keep the workflow until its last instance has ended, or name its module"


def _definitions(registries: list[Registry]) -> list[WorkflowDefinition]:
    """Return each workflow once, though an app holds those of the registries it includes."""
    found = {
        (name, workflow.code.function): workflow
        for registry in registries
        for name, workflow in registry.workflows.items()
    }
    return [workflow.definition() for workflow in found.values()]


class _BadLineError(Exception):
    """A line that is no entry of a journal; its cause says why."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def _entries(path: Path) -> Iterator[_Entry]:
    # Bytes, and only "\n": other separators may stand inside a payload.
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            yield _Entry(line=number, event=decode_event(line))
        except PayloadError as error:
            raise _BadLineError(number) from error


def _runs(entries: list[_Entry]) -> Iterator[list[_Entry]]:
    run: list[_Entry] = []
    for entry in entries:
        if run and isinstance(entry.event, WorkflowStarted):
            yield run
            run = []
        run.append(entry)
    if run:
        yield run


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(path.rglob("*.jsonl"))
        if not files:
            raise ConfigurationError(
                setting=str(path), problem="no *.jsonl journals in this folder"
            )
        return files
    if not path.is_file():
        problem = "there is no such file; write one: perdure history ID --raw > journal.jsonl"
        raise ConfigurationError(setting=str(path), problem=problem)
    return [path]


def _registries(module: str | ModuleType | Registry) -> list[Registry]:
    if isinstance(module, Registry):
        return [module]
    attribute = ""
    if isinstance(module, str):
        name, _, attribute = module.partition(":")
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            problem = f"cannot be imported from here: {error}"
            raise ConfigurationError(setting=f"module {name!r}", problem=problem) from error
    values = vars(module)
    chosen = [values.get(attribute)] if attribute else list(values.values())
    found = [value for value in chosen if isinstance(value, Registry)]
    if not found:
        named = ", ".join(sorted(key for key in values if isinstance(values[key], Registry)))
        missing = f"no App or Registry {attribute!r}" if attribute else "no App or Registry"
        problem = f"has {missing} (it has: {named or 'none'})"
        raise ConfigurationError(setting=f"module {module.__name__!r}", problem=problem)
    return found
