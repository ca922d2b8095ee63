"""What the user sees while the audit runs: a bar on a terminal, lines in a pipe."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Final, Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.prompt import Confirm
from rich.text import Text

from model import Decision, Phase
from report import show_flagged

if TYPE_CHECKING:
    from rich.console import Console

    import model

_STEPS_AFTER_READING: Final = {Phase.APPROVAL: 1, Phase.REPORT: 2}
_LAST_STEPS: Final = 3


class Show:
    """The live part of the output. Lines said above the bar carry the seconds since the start."""

    def __init__(self, console: Console) -> None:
        self.console = console
        # FORCE_COLOR makes a pipe look like a terminal: the file itself is asked as well.
        self._is_live = console.is_interactive and console.file.isatty()
        self._started = time.monotonic()
        self._said = ("", -1)
        columns = (
            TextColumn(""),
            SpinnerColumn(style="cyan"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None, complete_style="cyan", finished_style="green"),
            TextColumn("{task.fields[count]:>7}"),
            TextColumn("{task.fields[worker]}"),
        )
        self._bar = Progress(*columns, console=console, transient=True, expand=True)
        self._task = self._bar.add_task("starting", total=None, count="", worker="")

    def __enter__(self) -> Self:
        if self._is_live:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_live:
            self._bar.stop()

    def say(self, message: str, style: str = "") -> None:
        """Print a line above the bar."""
        line = Text(f"{time.monotonic() - self._started:5.1f} s  ", style="dim")
        self.console.print(line.append(message, style=style or "not dim"))

    def update(self, progress: model.Progress, *, worker: str = "") -> None:
        """Draw the state of the audit; in a pipe, say each phase and each quarter once."""
        count = f"{progress.done}/{progress.total}" if progress.total else ""
        self._bar.update(
            self._task,
            description=f"{progress.phase:<20}",
            total=progress.total + _LAST_STEPS if progress.total else None,
            completed=progress.done + _STEPS_AFTER_READING.get(progress.phase, 0),
            count=count,
            worker=worker,
        )
        quarter = 4 * progress.done // progress.total if progress.total else 0
        if not self._is_live and (progress.phase, quarter) != self._said:
            self._said = (progress.phase, quarter)
            self.say(f"{progress.phase} {count}".rstrip())

    def decide(self, progress: model.Progress, *, is_asked: bool, by: str) -> Decision:
        """Show what needs a human; then ask, or answer for who does not want to be asked."""
        self.say(f"needs a human: {len(progress.flagged)} of {progress.total}", style="bold")
        show_flagged(self.console, progress.flagged, indent=9)
        if not is_asked:
            return Decision(is_approved=True, by=by, note="unasked, see --ask")
        self.__exit__()
        try:
            is_approved = self._confirmed()
        except EOFError:
            return Decision(is_approved=False, by="nobody", note="no answer")
        finally:
            self.__enter__()
        return Decision(is_approved=is_approved, by="you")

    def _confirmed(self) -> bool:
        # asyncio turns Ctrl-C into a cancellation, which cannot reach who waits for a key.
        previous = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return Confirm.ask("         approve?", console=self.console, default=True)
        finally:
            signal.signal(signal.SIGINT, previous)
