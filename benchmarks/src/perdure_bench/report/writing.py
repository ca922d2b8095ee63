"""A report as HTML and as Markdown."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from perdure_bench.report.sections.payloads import LETTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure_bench.report.blocks import Report, Section, Table

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#])")
_LINE_BREAKS = re.compile(r"\s*\n\s*")
DATA_NAME = "perdure-bench-run.json"


def as_html(report: Report) -> str:
    """Return one page that needs nothing else."""
    script = _source("download.js.jinja")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            report=report,
            style=Markup(_source("page.css.jinja")),
            script=Markup(script),
            script_digest=digest,
            letters={outcome: letter for outcome, (letter, _) in LETTERS.items()},
            data_name=DATA_NAME,
        )
    )


def as_markdown(report: Report) -> str:
    """Return the same in Markdown: tables in the place of charts."""
    parts = [
        f"# {report.title}",
        escaped(", ".join(report.facts)) + ".",
        *(f"> {escaped(words)}" for words in report.cautions),
        _summary(report),
        *(_section(section, level=2) for section in report.sections),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def part_of(report: Report, names: Sequence[str]) -> str:
    """Return parts of it in Markdown, for a document that has others.

    Args:
        report: A whole one.
        names: ``table``, ``summary``, the name of a section, or ``all``.

    Raises:
        KeyError: It has no such part.
    """
    found = {
        "table": _table_with_notes(report),
        "summary": _summary(report),
        **{section.name: _section(section, level=3) for section in report.sections},
    }
    found["all"] = "\n\n".join(found.values())
    return "\n\n".join(found[name] for name in names)


def escaped(words: str) -> str:
    """Return words as Markdown that shows them as they are."""
    return _SPECIAL.sub(r"\\\1", _LINE_BREAKS.sub(" ", words))


def _summary(report: Report) -> str:
    return "\n".join(
        f"* **{name}.** {escaped(' '.join(sentences))}"
        for name, sentences in report.summary.items()
    )


def _table_with_notes(report: Report) -> str:
    facts = escaped(", ".join(report.facts)) + "."
    cautions = [f"{escaped(words)}" for words in report.cautions]
    return "\n\n".join([facts, _table(report.table), *cautions])


def _section(section: Section, *, level: int) -> str:
    parts = [f"{'#' * level} {section.title}"]
    for block in section.blocks:
        kind = section.kind(block)
        text = _environment().get_template("block.md.jinja").render(block=block, kind=kind)
        parts.append(text.strip("\n"))
    return "\n\n".join(filter(None, parts))


def _table(table: Table) -> str:
    template = _environment().get_template("block.md.jinja")
    return template.render(block=table, kind="Table").strip("\n")


def _source(name: str) -> str:
    loader = _environment().loader
    assert loader is not None
    text: str = loader.get_source(_environment(), name)[0]
    return text


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("perdure_bench", "report"),
        autoescape=lambda name: name is None or not name.endswith(".md.jinja"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"markdown": escaped, "ours": Markup}
    return environment
