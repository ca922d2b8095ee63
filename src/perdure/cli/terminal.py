"""One of the two streams of the process: plain lines, styled lines and tables."""

from __future__ import annotations

import io
import os
import shutil
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_PIPED_WIDTH = 80


class Terminal:
    """Writes to a stream. Colours only on a real terminal, and not where ``NO_COLOR`` is set.

    Attributes:
        is_terminal: Whether a person looks at it.
    """

    def __init__(self, stream: TextIO, *, has_colour: bool = True) -> None:
        self._stream = stream
        self.is_terminal = stream.isatty()
        is_dumb = os.environ.get("TERM") == "dumb"
        self.has_colour = (
            has_colour and self.is_terminal and not is_dumb and not os.environ.get("NO_COLOR")
        )
        self.can_move = self.is_terminal and not is_dumb
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")

    @property
    def width(self) -> int:
        """How many columns there are; 80 where it is no terminal and nobody says."""
        if self.is_terminal:
            return shutil.get_terminal_size((_PIPED_WIDTH, 24)).columns
        columns = os.environ.get("COLUMNS", "")
        return int(columns) if columns.isdecimal() and int(columns) else _PIPED_WIDTH

    @property
    def height(self) -> int:
        """How many lines there are."""
        return shutil.get_terminal_size((_PIPED_WIDTH, 24)).lines

    @property
    def is_unicode(self) -> bool:
        """Whether it can show more than ASCII."""
        return (getattr(self._stream, "encoding", None) or "ascii").lower().startswith("utf")

    def write(self, text: str) -> None:
        """Write ``text`` as it is, at once."""
        self._stream.write(text)
        self._stream.flush()

    def pieces(self, *pieces: tuple[str, str], is_wrapped: bool = False) -> None:
        """Write a line made of pieces, each a text and its style.

        ``is_wrapped`` is for prose: on a terminal it breaks between words.
        """
        if not self.has_colour and not (is_wrapped and self.is_terminal):
            self.write("".join(text for text, _ in pieces).rstrip() + "\n")
            return
        from rich.text import Text

        self.show(Text.assemble(*pieces), is_cut=is_wrapped)

    def line(self, text: str, *, style: str = "") -> None:
        """Write one line."""
        self.pieces((text, style))

    def show(self, renderable: RenderableType, *, is_cut: bool = False) -> None:
        """Write what rich renders; lines are as long as they are unless ``is_cut``."""
        console = self.console(is_cut=is_cut)
        console.print(renderable, soft_wrap=not is_cut)

    def console(self, *, is_cut: bool = True) -> Console:
        """Return a console of rich that writes here."""
        from rich.console import Console

        return Console(
            file=self._stream,
            force_terminal=self.can_move,
            no_color=not self.has_colour,
            width=self.width if is_cut else None,
            color_system="auto" if self.has_colour else None,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )
