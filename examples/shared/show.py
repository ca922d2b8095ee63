"""What the user sees of a demo: lines with the seconds since its start, then a table."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from examples.shared.proof import Proof


class Show:
    """Prints what happens."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return time.monotonic() - self._started

    def title(self, words: str) -> None:
        """Print what this is."""
        self._console.print(Text(f"\n  {words}\n", style="bold"))

    def tell(self, words: str) -> None:
        """Print a remark."""
        self._console.print(_indented(Text(words, style="dim")))

    def say(self, message: str, style: str = "") -> None:
        """Print what has happened just now."""
        before = Text(f"{self.seconds:5.1f} s  ", style="dim")
        width = self._console.width - len(before)
        for line in Text(message, style=style or "not dim").wrap(self._console, width):
            self._console.print(Text.assemble(before, line))
            before = Text(" " * len(before))

    def outcome(self, answer: str, lines: list[str]) -> None:
        """Print what the agent has said, and what has come of it in the world."""
        self._console.print()
        self._console.print(_indented(Text(answer)))
        for line in lines:
            self._console.print(_indented(Text(line, style="dim")))

    def proof(self, proof: Proof, *, is_scripted: bool, has_models: bool) -> None:
        """Print the comparison, and what it comes to."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        table.add_column(justify="right", style="bold", no_wrap=True)
        table.add_column()
        whose = "model and tool calls" if is_scripted else "tool calls (a real model has no log)"
        whose = whose if has_models else "calls of nodes"
        table.add_row(str(proof.calls), f"{whose}; the history has every result")
        table.add_row(str(proof.finished_before_kill), "of them finished before the kill")
        table.add_row(_count(proof.repeated), "repeated after having finished")
        table.add_row(_count(proof.lost), "lost")
        table.add_row(str(proof.restarted), _restarted(proof))
        seconds = proof.resumed_after_seconds
        resumed = "never" if seconds is None else f"{seconds:.2f} s"
        table.add_row(resumed, "from the kill to the next call")
        wrote = "tools and the scripted model" if is_scripted else "tools"
        wrote = wrote if has_models else "nodes"
        self._console.print(
            Text(f"\n  What the {wrote} wrote, against the history\n", style="bold")
        )
        self._console.print(_indented(table))
        self._console.print()
        problems = "; ".join(proof.problems)
        words = f"fails: {problems}" if problems else "holds: nothing lost, nothing done twice"
        style = "green" if proof.holds else "red"
        verdict = Text("The proof ", style="bold").append(words, style=style)
        self._console.print(_indented(verdict))


def _restarted(proof: Proof) -> str:
    caught = "called again: the kill caught them in flight"
    stored = f", {proof.uncommitted} before their result was stored"
    return caught + stored if proof.uncommitted else caught


def _count(number: int) -> Text:
    return Text(str(number), style="bold green" if number == 0 else "bold red")


def _indented(content: RenderableType) -> Padding:
    return Padding(content, (0, 0, 0, 2), expand=False)
