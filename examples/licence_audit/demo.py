"""The demo: run the audit, kill its worker half-way, and prove that nothing was lost or done twice.

::

    python examples/licence_audit/demo.py
    python examples/licence_audit/demo.py --backend dapr   # on local servers, while it runs

This process only directs: it starts a worker process, watches, kills it with SIGKILL, starts the
next one, approves, and compares what the activities wrote with the history. Its exit code
is 0 if the proof holds, 1 if it does not, 2 for a wrong argument, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

import audit
import environment
import evidence
import page
import perdure
import proof
import stage
import venue
from crew import Crew, WorkerDiedError
from director import DemoError, Director
from display import Show
from model import Request
from report import show_audit, show_proof

if TYPE_CHECKING:
    from collections.abc import Sequence

    from model import Audit
    from perdure.spi.history import HistoryEvent
    from proof import Kill
    from stage import Stage

STATE: Final = Path(".perdure/demo")
FAILING: Final = "pydantic"
DEADLINE: Final = timedelta(minutes=2)
TITLE: Final = "perdure: a licence audit that survives kill -9"
_EXPECTED: Final = (
    DemoError,
    WorkerDiedError,
    perdure.PerdureError,
    stage.StageTakenError,
    OSError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return its exit code."""
    options = _options(arguments)
    console = Console(highlight=False)
    try:
        with stage.taken(options.state) as taken:
            taken.settle()
            console.print(Text(f"\n  {TITLE}\n", style="bold"))
            with venue.opened(options.backend, taken, lambda words: _tell(console, words)) as place:
                request = _request(options, taken)
                _introduce(console, request, place)
                return asyncio.run(perform(taken, request, console, is_asked=options.ask))
    except KeyboardInterrupt:
        console.print("\nInterrupted. Everything the demo started has been stopped.")
        return 130
    except _EXPECTED as err:
        console.print(Text(f"demo: {err}", style="bold red"))
        return 1


async def perform(taken: Stage, request: Request, console: Console, *, is_asked: bool) -> int:
    """Run the audit under the director, then conclude."""
    started = time.monotonic()
    with Show(console) as show, Crew(taken.log) as crew:
        show.say(f"worker {crew.start()} started")
        async with audit.app.client() as client:
            handle = await client.start(audit.audit_licences, request)
            director = Director(handle=handle, crew=crew, show=show, stage=taken, is_asked=is_asked)
            kill = await director.direct()
            result = await handle.result()
            history = await handle.history()
        show.say("report written")
    show_audit(console, result)
    code = conclude(taken, result, history, kill, console)
    seconds = time.monotonic() - started
    report, record = _relative(taken.report), _relative(taken.evidence)
    places = f"\n  report    {report}\n  evidence  {record}\n  {seconds:.1f} s in all"
    console.print(Text(places, style="dim"))
    return code


def conclude(
    taken: Stage, result: Audit, history: Sequence[HistoryEvent], kill: Kill, console: Console
) -> int:
    """Compare the evidence with the history, show it, write it down; 1 if the proof fails."""
    lines = evidence.read(taken.evidence)
    compared = proof.compare(lines, history, kill)
    page.write(taken.report, result, proved=page.proof_section(compared, lines, kill))
    facts = dataclasses.asdict(compared) | {"holds": compared.holds}
    taken.proof.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    show_proof(console, compared)
    return 0 if compared.holds else 1


def _request(options: argparse.Namespace, taken: Stage) -> Request:
    return Request(
        report=str(taken.report),
        failing=options.fail or None,
        pace=timedelta(seconds=options.pace),
        watch=timedelta(seconds=options.watch),
        deadline=DEADLINE,
    )


def _tell(console: Console, words: str) -> None:
    console.print(Text(f"  {words}", style="dim"))


def _introduce(console: Console, request: Request, place: str) -> None:
    here = environment.look()
    failing = f", the one of {request.failing} told to fail twice" if request.failing else ""
    lines = (
        place,
        f"{here.folder}, Python {here.python}, {len(here.distributions)} distributions",
        f"{request.readers} readers at once{failing}",
        f"a durable timer of {request.watch.total_seconds():g} s meanwhile: does anything change?",
        f"then an approval, with a deadline of {request.deadline.total_seconds():g} s",
    )
    for line in lines:
        _tell(console, line)
    console.print()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Audit licences, kill the worker, prove it.")
    add = parser.add_argument
    add("--backend", metavar="NAME", help=f"where it runs: {', '.join(venue.names())}")
    add("--ask", action="store_true", help="ask you for the approval, instead of giving it")
    add("--fail", metavar="NAME", default=FAILING, help="whose reader fails twice ('' for none)")
    add("--pace", metavar="SECONDS", type=float, default=0.3, help="how long each reader takes")
    add("--watch", metavar="SECONDS", type=float, default=8, help="how long the timer runs")
    add("--state", metavar="FOLDER", type=Path, default=STATE, help="where its files are kept")
    options = parser.parse_args(arguments)
    if options.backend not in (None, *venue.names()):
        known = ", ".join(venue.names())
        parser.error(f"--backend {options.backend}: no such backend here; there are: {known}")
    names = [item.name for item in environment.look().distributions]
    if options.fail and options.fail not in names:
        parser.error(f"--fail {options.fail}: not installed here; one of {', '.join(names)}")
    return options


def _relative(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


if __name__ == "__main__":
    sys.exit(main())
