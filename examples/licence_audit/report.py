"""The report on a terminal: tables with rich, 80 columns, plain when piped."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

import licences
from licences import Flag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, RenderableType

    from licences import Finding
    from model import Audit
    from proof import Proof

_STYLES = {Flag.WEAK_COPYLEFT: "yellow", Flag.AMBIGUOUS: "yellow", Flag.UNKNOWN: "yellow"}


def show_flagged(console: Console, flagged: Sequence[Finding], *, indent: int = 2) -> None:
    """Print what needs a human, with the reason."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="bold", overflow="fold")
    table.add_column(max_width=16, overflow="fold")
    table.add_column(overflow="fold")
    for finding in flagged:
        table.add_row(Text(finding.name), _flags(finding), Text(finding.reason))
    if flagged:
        console.print(_indented(table, indent))


def show_audit(console: Console, audit: Audit) -> None:
    """Print every finding, then the counts and the decision."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    table.add_column("distribution", overflow="fold")
    table.add_column("version", style="dim", overflow="fold")
    table.add_column("licence", overflow="fold")
    table.add_column("needs a human", overflow="fold")
    for finding in sorted(audit.findings, key=lambda each: (not each.flags, each.name.lower())):
        style = "red" if finding.spdx == licences.NO_ASSERTION else ""
        table.add_row(
            Text(finding.name),
            Text(finding.version),
            Text(finding.spdx, style=style),
            _flags(finding),
        )
    console.print()
    console.print(_indented(table))
    console.print()
    counts = Counter(finding.spdx for finding in audit.findings).most_common()
    # Blanks that do not break keep a count and its licence on one line.
    shares = (f"{count} {name}".replace(" ", "\N{NO-BREAK SPACE}") for name, count in counts)
    console.print(_indented(Text(", ".join(shares))))
    console.print(_indented(_verdict(audit)))


def show_proof(console: Console, proof: Proof) -> None:
    """Print the comparison of evidence and history, and what it comes to."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(justify="right", style="bold", no_wrap=True)
    table.add_column()
    table.add_row(str(proof.finished), "activities finished; the history has every result")
    table.add_row(str(proof.finished_before_kill), "of them before the kill")
    table.add_row(_count(proof.repeated), "repeated after having finished")
    table.add_row(_count(proof.lost), "lost")
    table.add_row(str(proof.restarted), _restarted(proof))
    table.add_row(str(proof.retried), "attempts failed and were tried again")
    timers = "durable timer" if proof.timers_across == 1 else "durable timers"
    late = f"{proof.timer_late_ms:.0f} ms late at most"
    table.add_row(str(proof.timers_across), f"{timers} set before the kill, fired after it, {late}")
    table.add_row(proof.resumed_after, "from the kill to the first activity of the next worker")
    console.print(
        Text("\n  What the activities wrote, against the workflow's history\n", style="bold")
    )
    console.print(_indented(table))
    console.print()
    words = "holds: nothing lost, nothing done twice" if proof.holds else "; ".join(proof.problems)
    verdict = Text("The proof ", style="bold").append(
        words, style="green" if proof.holds else "red"
    )
    console.print(_indented(verdict))


def _restarted(proof: Proof) -> str:
    caught = "started again: the kill caught them in flight"
    return (
        f"{caught}, {proof.uncommitted} before their result was on disk"
        if proof.uncommitted
        else caught
    )


def _count(number: int) -> Text:
    return Text(str(number), style="bold green" if number == 0 else "bold red")


def _flags(finding: Finding) -> Text:
    return Text(
        ", ".join(finding.flags),
        style=_STYLES.get(finding.flags[0], "red") if finding.flags else "",
    )


def _verdict(audit: Audit) -> Text:
    decision = audit.decision
    flagged = sum(bool(finding.flags) for finding in audit.findings)
    text = Text(f"{len(audit.findings)} distributions, {flagged} need a human; ")
    text.append(
        "approved" if decision.is_approved else "NOT approved",
        style="bold green" if decision.is_approved else "bold red",
    )
    text.append(f" by {decision.by}")
    text.append(f" ({decision.note})" if decision.note else "")
    return text.append(f"; changed meanwhile: {', '.join(audit.changed)}" if audit.changed else "")


def _indented(content: RenderableType, indent: int = 2) -> Padding:
    return Padding(content, (0, 0, 0, indent), expand=False)
