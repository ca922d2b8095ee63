"""Backends: which there are, whether they can be reached, what they can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perdure.cli.commands import BACKENDS, command, group
from perdure.cli.exit_codes import ExitCode, code_of, message_of
from perdure.cli.results import Cell, Column, write_records, write_table

if TYPE_CHECKING:
    from perdure.cli.shell import Shell
    from perdure.spi.backend import Capability, Health

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME...", help="Which; without one, the one that the settings choose."),
]


def register(program: typer.Typer) -> None:
    """Add the commands of this file."""
    backends = group("List backends, check that they can be reached, see what they can do.")
    program.add_typer(backends, name="backends", rich_help_panel=BACKENDS.title)
    command(backends, name="list", under=BACKENDS, examples=("perdure backends list",))(list_)
    command(
        backends,
        under=BACKENDS,
        examples=("perdure backends check", "perdure backends check -b sqlite:///jobs.db"),
    )(check)
    command(
        backends,
        under=BACKENDS,
        examples=("perdure backends capabilities", "perdure backends capabilities sqlite -o json"),
    )(capabilities)


def list_(shell: Shell) -> None:
    """List the backends that are installed, without loading one."""
    from perdure.plugins import installed_plugins

    chosen = shell.configuration().backend_name
    plugins = installed_plugins()
    records = [
        {
            "name": plugin.name,
            "package": plugin.package,
            "version": plugin.version,
            "is_chosen": plugin.name == chosen,
        }
        for plugin in plugins
    ]
    if not shell.is_for_people:
        write_records(shell, records, key="name")
        return
    columns = [Column(title=title) for title in ("NAME", "PACKAGE", "VERSION", "")]
    rows: list[list[Cell | str]] = [
        [plugin.name, plugin.package, plugin.version, _chosen(plugin.name == chosen)]
        for plugin in plugins
    ]
    write_table(shell, columns, rows)


def check(shell: Shell, names: Names = None) -> ExitCode | None:
    """Connect to a backend and ask how it is; the exit code is 3 if it cannot be used."""
    probes = _probes(shell, names)
    records = [{"backend": p.url, "is_healthy": p.is_healthy, "detail": p.detail} for p in probes]
    if shell.is_for_people:
        rows: list[list[Cell | str]] = [
            [p.url, Cell(text="ok", style="green") if p.is_healthy else _red("not ok"), p.detail]
            for p in probes
        ]
        titles = ("BACKEND", "HEALTH")
        columns = [*(Column(title=title) for title in titles), Column(title="DETAIL")]
        write_table(shell, columns, rows)
    else:
        write_records(shell, records, key="backend")
    return next((p.code for p in probes if not p.is_healthy), None)


def capabilities(shell: Shell, names: Names = None) -> ExitCode | None:
    """Show what a backend can do beyond the base set, which every backend has."""
    from perdure.spi.backend import Capability

    probes = [p for p in _probes(shell, names) if _was_opened(shell, p)]
    if not probes:
        return ExitCode.UNAVAILABLE
    if not shell.is_for_people:
        records = (
            {"backend": p.url, "capabilities": {c.value: c in p.capabilities for c in Capability}}
            for p in probes
        )
        write_records(shell, records, key="backend")
        return None
    yes, no = ("✓", "·") if shell.out.is_unicode else ("yes", "-")
    columns = [Column(title="CAPABILITY"), *(Column(title=p.url) for p in probes)]
    rows: list[list[Cell | str]] = [
        [
            capability.value,
            *(
                Cell(text=yes, style="green") if capability in p.capabilities else Cell(text=no)
                for p in probes
            ),
        ]
        for capability in Capability
    ]
    write_table(shell, columns, rows)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Probe:
    """What was found out of one backend."""

    url: str
    is_healthy: bool
    detail: str
    code: ExitCode = ExitCode.UNAVAILABLE
    was_opened: bool = True
    capabilities: frozenset[Capability] = frozenset()


def _probes(shell: Shell, names: list[str] | None) -> list[_Probe]:
    if not names:
        chosen = shell.configuration()
        return [_probe(chosen.backend_url, setting=chosen.backend_setting)]
    return [_probe(name, setting=f"backend {name!r}") for name in names]


def _probe(url: str, *, setting: str) -> _Probe:
    import asyncio

    from perdure.errors import PerdureError

    try:
        health, capabilities = asyncio.run(_look(url, setting=setting))
    except (PerdureError, OSError) as error:
        code = code_of(error)
        return _Probe(
            url=url, is_healthy=False, detail=message_of(error), code=code, was_opened=False
        )
    return _Probe(
        url=url, is_healthy=health.is_healthy, detail=health.detail, capabilities=capabilities
    )


async def _look(url: str, *, setting: str) -> tuple[Health, frozenset[Capability]]:
    from perdure.clock import SystemClock
    from perdure.config import Configuration
    from perdure.plugins import load_backend

    name = Configuration(backend=url, backend_setting=setting).backend_name
    backend = load_backend(name, setting=setting)(url, clock=SystemClock())
    await backend.open()
    try:
        return await backend.health(), backend.capabilities
    finally:
        await backend.close()


def _was_opened(shell: Shell, probe: _Probe) -> bool:
    if not probe.was_opened:
        shell.complain(probe.detail, step="perdure backends list")
    return probe.was_opened


def _chosen(is_chosen: bool) -> Any:
    return Cell(text="in use", style="green") if is_chosen else ""


def _red(text: str) -> Cell:
    return Cell(text=text, style="red")
