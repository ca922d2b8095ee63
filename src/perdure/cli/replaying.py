"""Replaying journals against a user's code, and linting its workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.cli.loading import import_module, load_registry, split_target

if TYPE_CHECKING:
    from pathlib import Path

    from perdure.findings import Finding


def replay_all(journal: Path, target: str, *, is_strict: bool) -> list[Finding]:
    """Replay the journals of a file or a folder against ``MODULE[:APP]``; strictly also lint it.

    Raises:
        CommandError: The module cannot be imported.
        ConfigurationError: There is no such file or app.
    """
    from perdure.replay_check import check_journal

    module_name, attribute = split_target(target)
    module = import_module(module_name)
    code = load_registry(target) if attribute else module
    findings = check_journal(journal, code, strict=is_strict)
    if is_strict and module.__file__ is not None:
        from perdure.lint import lint_module

        findings += lint_module(module.__file__)
    return findings
