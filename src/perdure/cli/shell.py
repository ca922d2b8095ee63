"""What a command works with: its options, the client, and the way out for results and for words."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from perdure.cli.exit_codes import CommandError, ExitCode, message_of, step_after
from perdure.cli.options import Format, TimeStyle
from perdure.cli.terminal import Terminal
from perdure.cli.text import ago, clock_time, iso, plain, plain_lines
from perdure.config import HUB_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from perdure.cli.options import Options
    from perdure.config import Configuration
    from perdure.sync_client import SyncClient


class Shell:
    """The surroundings of one command: results go to ``out``, everything else to ``err``."""

    def __init__(self, options: Options) -> None:
        self.options = options
        if options.hub is not None:
            # The only way in that reaches every part below, and the processes that `dev` starts.
            os.environ[HUB_VARIABLE] = options.hub
        self.out = Terminal(sys.stdout, has_colour=not options.no_color)
        self.err = Terminal(sys.stderr, has_colour=not options.no_color)

    @property
    def format(self) -> Format:
        """How results are written."""
        return self.options.format

    @property
    def is_for_people(self) -> bool:
        """Whether results are written for people, and not for programs."""
        return self.format in (Format.TABLE, Format.WIDE)

    @contextlib.contextmanager
    def client(self) -> Iterator[SyncClient]:
        """Open a client of the backend that the options and settings choose.

        Raises:
            BackendUnavailableError: The backend cannot be reached or used.
            ConfigurationError: The settings name no backend that can be used.
        """
        from perdure.app import App

        app = App("perdure", backend=self.options.backend, profile=self.options.profile)
        with app.client() as client:
            yield client

    def configuration(self) -> Configuration:
        """Return the settings in force.

        Raises:
            ConfigurationError: One of them cannot be used.
        """
        from perdure.config import resolve

        return resolve(
            backend=self.options.backend, profile=self.options.profile, hub=self.options.hub
        )

    def now(self) -> datetime:
        """Return the present instant."""
        from perdure.clock import SystemClock, from_us

        return from_us(SystemClock().now_us())

    def instant(self, instant: datetime | None) -> str:
        """Return an instant as ``--time`` asks for it, for a table."""
        if instant is None:
            return "-"
        if self.options.time is TimeStyle.ISO:
            return iso(instant)
        return ago(instant, now=self.now())

    def long_instant(self, instant: datetime) -> str:
        """Return an instant in full, for a page about one instance."""
        if self.options.time is TimeStyle.ISO:
            return iso(instant)
        return f"{clock_time(instant)} ({ago(instant, now=self.now())})"

    def note(self, words: str) -> None:
        """Tell the user something that is no result."""
        self.err.line(plain(words), style="dim")

    def warn(self, words: str) -> None:
        """Tell the user of something that may be wrong."""
        self.err.line(f"warning: {plain(words)}", style="yellow")

    def show_error(self, error: BaseException) -> None:
        """Tell the user of an error: what happened, and one next step; a traceback if asked for."""
        if isinstance(error, KeyboardInterrupt):
            self.err.line("interrupted", style="dim")
            return
        if self.options.debug and (error.__cause__ or not isinstance(error, CommandError)):
            import traceback

            self.err.write(plain_lines("".join(traceback.format_exception(error))) + "\n")
        self.complain(message_of(error), step=step_after(error))

    def complain(self, message: str, *, step: str = "") -> None:
        """Write an error, and what to try."""
        self.err.pieces(("error: ", "bold red"), (plain_lines(message), ""), is_wrapped=True)
        if step:
            self.err.pieces(("  try: ", "bold"), (plain(step), ""), is_wrapped=True)

    def confirm(self, question: str) -> None:
        """Ask before something that cannot be undone, unless ``--yes``.

        Raises:
            CommandError: The answer is no, or there is nobody to ask.
        """
        if self.options.yes:
            return
        if not sys.stdin.isatty():
            message = "this needs a confirmation, and there is no terminal to ask on"
            raise CommandError(message, step="the same with --yes", code=ExitCode.USAGE)
        self.err.write(f"{plain(question)} [y/N] ")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise CommandError("nothing was done")
