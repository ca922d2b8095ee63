"""The report as one HTML file: no script, no font, no image from anywhere else; light and dark.

Everything that comes from a package's metadata is escaped: it is a stranger's text.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import licences
import spdx
import timeline
from licences import Flag

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evidence import Line
    from licences import Finding
    from model import Audit
    from proof import Kill, Proof

_STRONG = {Flag.COPYLEFT, Flag.CONFLICTING, Flag.MISSING, Flag.UNREADABLE}
_NOBODY = '<p class="soft">Nothing: every licence is known, permissive and undisputed.</p>'


def write(path: str | Path, audit: Audit, *, proved: str = "") -> None:
    """Write the report; a reader never sees half of it."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(render(audit, proved=proved))
    Path(draft).chmod(0o644)
    Path(draft).replace(target)


def render(audit: Audit, *, proved: str = "") -> str:
    """Return the page; ``proved`` is what :func:`proof_section` returns."""
    flagged = [finding for finding in audit.findings if finding.flags]
    return _template("page.html").substitute(
        style=_file("page.css"),
        folder=escape(audit.environment.folder),
        python=escape(audit.environment.python),
        date=f"{audit.decided_at:%d %B %Y, %H:%M} UTC",
        facts=_facts(audit, flagged),
        flagged=_flagged_table(flagged) if flagged else _NOBODY,
        shares=_shares(audit.findings),
        proved=proved,
        everything=_full_table(audit.findings),
    )


def proof_section(proof: Proof, evidence: Sequence[Line], kill: Kill) -> str:
    """Return the part of the page that shows what a killed worker cost."""
    problems = escape("; ".join(proof.problems))
    late = f"{proof.timer_late_ms:.0f} ms"
    counts = (
        ("Activities finished", str(proof.finished)),
        ("… of them before the kill", str(proof.finished_before_kill)),
        ("Repeated after having finished", str(proof.repeated)),
        ("Lost", str(proof.lost)),
        ("Started again, because the kill caught them in flight", str(proof.restarted)),
        ("Attempts that failed and were tried again", str(proof.retried)),
        (f"Durable timers across the kill (late by at most {late})", str(proof.timers_across)),
        ("From the kill to the first activity of the next worker", proof.resumed_after),
    )
    return _template("page_proof.html").substitute(
        pid=kill.pid,
        verdict='<span class="holds">The proof holds.</span>'
        if proof.holds
        else f'<span class="fails">The proof fails: {problems}.</span>',
        counts=_table((), (((label, ""), (value, "number")) for label, value in counts)),
        timeline=timeline.draw(evidence, kill),
    )


def _facts(audit: Audit, flagged: Sequence[Finding]) -> str:
    decision = audit.decision
    facts = (
        ("", str(len(audit.findings)), "distributions"),
        ("good", str(len(audit.findings) - len(flagged)), "clear"),
        ("weak" if flagged else "", str(len(flagged)), "need a human"),
        ("", ", ".join(audit.changed) or "nothing", "changed meanwhile"),
        ("good", "approved", f"by {decision.by}")
        if decision.is_approved
        else ("strong", "not approved", f"by {decision.by}"),
    )
    return "\n".join(
        f'<div class="fact {kind}"><b>{escape(value)}</b><span>{escape(label)}</span></div>'
        for kind, value, label in facts
    )


def _shares(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.spdx for finding in findings)
    largest = max(counts.values(), default=1)
    return "\n".join(
        f'<span class="mono">{escape(name)}</span><span class="track"><i class="{_kind(name)}" '
        f'style="width:{100 * count / largest:.1f}%"></i></span><span>{count}</span>'
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )


def _kind(expression: str) -> str:
    if expression == licences.NO_ASSERTION:
        return "none"
    return ("calm", "weak", "strong")[spdx.copyleft_of(spdx.parse(expression))]


def _flagged_table(flagged: Sequence[Finding]) -> str:
    rows = (
        ((each.name, "name"), (each.spdx, "mono"), (each.flags, "flags"), (each.reason, ""))
        for each in flagged
    )
    return _table(("Distribution", "Licence", "Flag", "Why"), rows)


def _full_table(findings: Sequence[Finding]) -> str:
    rows = (
        (
            (each.name, "name"),
            (each.version, ""),
            (each.spdx, "mono"),
            (each.source, "soft"),
            (tuple(_described(file) for file in each.files) or "none", "small"),
        )
        for each in findings
    )
    return _table(("Distribution", "Version", "Licence", "Decided by", "Licence files"), rows)


def _described(file: licences.FileFinding) -> str:
    return f"{file.path}: {', '.join(file.ids) or 'no licence text'}"


def _table(head: Sequence[str], rows: Iterable[Iterable[tuple[str | tuple[str, ...], str]]]) -> str:
    """Return a table of cells ``(text or lines, class)``; every text is escaped here."""
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    body = "".join(f"<tr>{''.join(_cell(*cell) for cell in row)}</tr>\n" for row in rows)
    thead = f"<thead><tr>{titles}</tr></thead>" if head else ""
    return f'<div class="scroll"><table>{thead}<tbody>\n{body}</tbody></table></div>'


def _cell(value: str | tuple[str, ...], kind: str) -> str:
    if isinstance(value, str):
        content = escape(value)
    elif kind == "flags":
        flags = ((f"flag {'strong' if flag in _STRONG else ''}", flag) for flag in value)
        content = " ".join(f'<span class="{style}">{escape(flag)}</span>' for style, flag in flags)
    else:
        content = "<br>".join(escape(line) for line in value)
    return f'<td class="{kind}">{content}</td>'


def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _template(name: str) -> Template:
    return Template(_file(name))
