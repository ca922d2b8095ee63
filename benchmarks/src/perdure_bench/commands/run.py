"""``perdure bench run``."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perdure.cli.commands import command
from perdure.cli.exit_codes import CommandError, ExitCode
from perdure.cli.shell import Shell
from perdure_bench.commands.headings import BENCH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perdure_bench.session import Asked

_FOLDER = Path(".perdure") / "bench"


Backends = Annotated[
    str,
    typer.Option(
        "--backends",
        help="Which, with commas between; NAME=URL for one of your own.",
        metavar="NAMES",
    ),
]
Suites = Annotated[
    str, typer.Option("--suite", help="Which, with commas; all but peers.", metavar="NAMES")
]
Only = Annotated[
    str,
    typer.Option(
        "--only",
        help="Only workloads that have one of these in their names, with commas between.",
        metavar="TEXTS",
    ),
]
Native = Annotated[
    bool, typer.Option("--native", help="Also with the vendors' own SDKs, on the same servers.")
]
Passes = Annotated[
    int, typer.Option("--passes", help="How often all is measured; 3.", metavar="N", min=1)
]
Seed = Annotated[int, typer.Option("--seed", help="Of the order of things.", metavar="N")]
RoundTrip = Annotated[
    str | None,
    typer.Option(
        "--round-trip",
        help="Added to each call of the DTS stand-in, as in perdure stack up azure.",
        metavar="TIME",
    ),
]
Smoke = Annotated[
    bool, typer.Option("--smoke", help="Only a little of each suite, to see that it works.")
]
Into = Annotated[
    Path | None,
    typer.Option(
        "--into",
        help="The folder of the run; one that has a part of it is gone on with.",
        metavar="PATH",
    ),
]


def register(bench: typer.Typer) -> None:
    """Add the command of this file."""
    examples = (
        "perdure bench run --backends embedded,dapr,azure --native",
        "perdure bench run --backends dapr --suite latency --passes 5",
        "perdure bench run --backends dapr --native --suite latency --only timer,event",
        "perdure bench run --backends azure=azure://HOST/HUB --native --suite latency,throughput",
        "perdure bench run --suite peers",
    )
    command(bench, under=BENCH, examples=examples)(run)


def run(
    shell: Shell,
    backends: Backends = "embedded",
    suite: Suites = "",
    only: Only = "",
    native: Native = False,
    passes: Passes = 3,
    seed: Seed = 0,
    round_trip: RoundTrip = None,
    smoke: Smoke = False,
    into: Into = None,
) -> ExitCode | None:
    """Measure backends beside each other, and keep the run in a folder, with a report of it.

    Everything is on temporary files and on servers of its own, unless a backend is given as
    azure=azure://HOST/HUB, azure=CONNECTION-STRING or dapr=dapr://HOST:PORT. Use a hub there, or an
    app id, on which nothing else works: of it only this run's instances are ended and removed. A
    run that is interrupted goes on with the same command and --into its folder.
    """
    from perdure_bench.report.keeping import HTML, keep_report, report_of
    from perdure_bench.running import default_suites
    from perdure_bench.session import Asked

    path = into or _FOLDER / datetime.now().astimezone().strftime("%Y-%m-%dT%H-%M-%S")
    named = dict(each.partition("=")[::2] for each in _listed(backends))
    if round_trip and named.get("azure") != "":
        raise _usage(ValueError("--round-trip is for the stand-in: name azure, without an address"))
    asked = Asked(
        backends=tuple(named),
        suites=tuple(_listed(suite) or default_suites()),
        passes=1 if smoke else passes,
        seed=seed,
        is_native=native,
        is_smoke=smoke,
        round_trip=round_trip,
        given=_shown(named),
        only=tuple(_listed(only)),
    )
    failed = _measured(shell, asked, path, named)
    keep_report(report_of(path), path / HTML)
    sys.stdout.write(f"{path}\n")
    if failed:
        shell.note(f"{failed} cells gave nothing; see {path / 'cells.jsonl'}")
        return ExitCode.ERROR
    return None


def _shown(named: Mapping[str, str]) -> dict[str, str]:
    """Return the addresses that were given, without secrets, by backend; refuse what is none."""
    from perdure_bench.places.addresses import read_address
    from perdure_bench.places.choosing import check_backend
    from perdure_bench.places.place import PlaceError

    try:
        for name in named:
            check_backend(name)
        return {name: read_address(name, each).shown for name, each in named.items() if each}
    except PlaceError as error:
        raise _usage(error) from error


def _measured(shell: Shell, asked: Asked, path: Path, named: Mapping[str, str]) -> int:
    """Measure, and return how many cells gave nothing."""
    from perdure_bench.running import (
        OtherConditionsError,
        UnknownSuiteError,
        UnknownWorkloadError,
        measure,
    )

    addresses = {name: address for name, address in named.items() if address}
    try:
        return measure(asked, path, tell=shell.note, addresses=addresses)
    except (UnknownSuiteError, UnknownWorkloadError) as error:
        raise _usage(error) from error
    except OtherConditionsError as error:
        raise CommandError(str(error), code=ExitCode.CONFLICT) from error
    except KeyboardInterrupt:
        shell.note(f"interrupted; go on with the same options and --into {path}")
        raise


def _usage(error: Exception) -> CommandError:
    return CommandError(str(error), step="perdure bench run --help", code=ExitCode.USAGE)


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
