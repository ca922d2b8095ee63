"""What the command line asks to be paid for: checked, and counted."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure.cli.exit_codes import CommandError, ExitCode
from perdure.errors import PayloadError
from perdure_bench.cost.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from perdure.cli.shell import Shell
    from perdure_bench.cost.hub import Reading
    from perdure_bench.run_folder import Run

_SUITE = "actions"
_SHORT_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the count of actions is from; one of the first four is given.

    Attributes:
        actions: The count itself.
        pattern: Of a run's suite ``actions``.
        journals: Files of journals.
        hub: What selects a backend.
        way: Of the run.
    """

    actions: float | None
    pattern: str | None
    journals: Sequence[Path]
    hub: str | None
    way: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Which instances of a hub."""

    since: datetime | timedelta | None
    name: str | None
    limit: int


def check(source: Source, *, instances: float | None, peak_factor: float, run: Path | None) -> None:
    """Refuse what cannot be meant.

    Raises:
        CommandError: It says which option, and what to do.
    """
    given = {
        "--actions-per-instance": source.actions is not None,
        "--pattern": source.pattern is not None,
        "--journal": bool(source.journals),
        "--from": source.hub is not None,
    }
    if sum(given.values()) != 1:
        named = " and ".join(name for name, is_given in given.items() if is_given)
        words = f"{named}: one of them" if named else "of what? There is no count of actions"
        raise _wrong(words, step=f"one of {', '.join(given)}")
    for option, value in (
        ("--actions-per-instance", source.actions),
        ("--instances-per-month", instances),
    ):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise _wrong(f"{option}: a number above 0, got {value:g}", step=f"{option} 1000")
    if not (math.isfinite(peak_factor) and peak_factor >= 1):
        raise _wrong(f"--peak-factor: a number from 1 on, got {peak_factor:g}", step="5")
    if source.pattern is not None and run is None:
        raise _wrong("--pattern is of a run", step="add --run FOLDER")
    if source.hub is None and instances is None:
        raise _wrong("how many instances there are is not known", step="--instances-per-month N")


def read_run(path: Path) -> Run:
    """Return a run of ``perdure bench``.

    Raises:
        CommandError: There is none.
    """
    from perdure_bench.run_folder import RunFolder, RunFolderError

    try:
        return RunFolder(path).read()
    except RunFolderError as error:
        raise CommandError(str(error), code=ExitCode.NOT_FOUND) from error


def usage_of(
    source: Source,
    *,
    shell: Shell,
    run: Run | None,
    limits: Limits,
    instances: float | None,
    peak_factor: float,
) -> Usage:
    """Count what is asked for.

    Raises:
        CommandError: It is not there.
    """
    if source.hub is not None:
        return _of_hub(source.hub, shell, limits, instances=instances, peak_factor=peak_factor)
    words, published, metrics = _counted(source, run)
    assert instances is not None
    return Usage(
        source=words,
        published=published,
        metrics=metrics,
        instances_per_month=instances,
        peak_factor=peak_factor,
    )


def _counted(source: Source, run: Run | None) -> tuple[str, float, float]:
    if source.actions is not None:
        return "given: the same by both counts", source.actions, source.actions
    if source.journals:
        return _of_journals(source.journals)
    assert run is not None
    assert source.pattern is not None
    return _of_pattern(run, source.pattern, source.way)


def _of_pattern(run: Run, pattern: str, way: str) -> tuple[str, float, float]:
    cells = {
        (each.cell.workload, each.cell.way): each
        for each in run.cells
        if each.cell.suite == _SUITE and each.status == "ok"
    }
    found = cells.get((pattern, way))
    if found is None:
        known = sorted({f"{name!r}" for name, its_way in cells if its_way == way})
        words = f"the run has no pattern {pattern!r} of the way {way!r}"
        step = f"one of {', '.join(known)}" if known else "perdure bench run --suite actions"
        raise CommandError(words, step=step, code=ExitCode.NOT_FOUND)
    figures = found.figures
    words = f"counted on the wire of the stand-in: {pattern}, {way}"
    return words, figures["actions.published"], figures["actions.metrics"]


def _of_journals(paths: Sequence[Path]) -> tuple[str, float, float]:
    from perdure_bench.billing.actions import total
    from perdure_bench.billing.journals import read_journal
    from perdure_bench.billing.meter import count_actions

    counted = []
    for path in paths:
        try:
            counted.append(count_actions(read_journal(path.read_text(encoding="utf-8"))))
        except (OSError, UnicodeDecodeError, PayloadError) as error:
            step = f"perdure history ID --raw > {path.name}"
            raise CommandError(f"{path}: {error}", step=step, code=ExitCode.USAGE) from error
    actions = total(counted)
    words = f"{len(paths)} journals" if len(paths) > 1 else "a journal"
    return words, actions.published / len(paths), actions.metrics / len(paths)


def _of_hub(
    hub: str, shell: Shell, limits: Limits, *, instances: float | None, peak_factor: float
) -> Usage:
    reading = asyncio.run(_read(hub, limits))
    if not reading.instances:
        words = f"no finished instances in {hub}"
        if reading.unreadable:
            words += f" with a history that can be read ({reading.unreadable} without)"
        raise CommandError(words, step=f"perdure list -b {hub}", code=ExitCode.NOT_FOUND)
    _warn_of(reading, shell, is_projected=instances is None)
    per_month = instances or reading.instances_per_month
    if per_month is None:
        raise _wrong("they have no period to tell a rate by", step="--instances-per-month N")
    assert reading.first is not None
    assert reading.last is not None
    words = (
        f"journals of {reading.instances:,} finished instances, "
        f"{reading.first:%Y-%m-%d %H:%M} to {reading.last:%Y-%m-%d %H:%M} UTC: "
        f"{reading.actions.published:,} actions by the billing page, "
        f"{reading.actions.metrics:,} by the metrics page"
    )
    return Usage(
        source=words,
        published=reading.actions.published / reading.instances,
        metrics=reading.actions.metrics / reading.instances,
        instances_per_month=per_month,
        peak_factor=peak_factor,
    )


async def _read(hub: str, limits: Limits) -> Reading:
    import perdure
    from perdure_bench.cost.hub import read_hub

    async with perdure.App("perdure", backend=hub).client() as client:
        return await read_hub(client, limit=limits.limit, since=limits.since, name=limits.name)


def _warn_of(reading: Reading, shell: Shell, *, is_projected: bool) -> None:
    if reading.has_more:
        shell.warn(f"the newest {reading.instances:,} only; --limit 0 for all")
    if reading.unreadable:
        shell.warn(f"{reading.unreadable:,} have no history that can be read; they do not count")
    if reading.later_runs:
        shell.warn(
            f"{reading.later_runs:,} began later than they were made: a delayed start, or runs "
            "before a continue-as-new, whose journals are gone; those runs do not count"
        )
    if is_projected and reading.seconds < _SHORT_SECONDS:
        shell.warn(
            f"a month is taken from {reading.seconds:,.0f} seconds; "
            "--instances-per-month says it better"
        )


def _wrong(words: str, *, step: str) -> CommandError:
    return CommandError(words, step=step, code=ExitCode.USAGE)
