"""Replaying journals against a module, and linting its workflows: what was found, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perdure.cli.loading import import_module, split_target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one journal, or of the lint."""

    what: str
    words: str
    findings: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def record(self) -> dict[str, Any]:
        """Return it as data."""
        return {"what": self.what, "is_good": self.is_good, "findings": list(self.findings)}


def replay_all(journals: Sequence[Path], target: str, *, is_strict: bool) -> list[Outcome]:
    """Replay each journal against the module; strictly also lint it.

    Raises:
        CommandError: The module cannot be imported.
        PayloadError: A file is no journal.
    """
    from perdure.replay_check import check_journal

    module_name, _ = split_target(target)
    module = import_module(module_name)
    return [
        Outcome(
            what=str(path),
            words="replays as recorded",
            findings=tuple(map(str, check_journal(path, module, strict=is_strict))),
        )
        for path in journals
    ]
