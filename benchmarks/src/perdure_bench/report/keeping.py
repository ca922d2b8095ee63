"""The files of a report, and the documents that have parts of it between marks."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING

from perdure_bench.report.making import make_report
from perdure_bench.report.writing import as_html, as_markdown, part_of
from perdure_bench.run_folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

    from perdure_bench.cost.prices import Prices
    from perdure_bench.report.blocks import Report

HTML, MARKDOWN = "report.html", "report.md"
_MARKS = re.compile(
    r"(^<!-- benchmarks(?:: (?P<names>[\w -]+?))? -->\n)(?P<body>.*?)(^<!-- end of benchmarks -->)",
    re.DOTALL | re.MULTILINE,
)


class DocumentError(Exception):
    """A document has no place for what was measured."""


def report_of(folder: Path, *, prices: Prices | None = None) -> Report:
    """Return the report of the run in a folder.

    Raises:
        RunFolderError: There is none that can be read.
    """
    run = RunFolder(folder).read()
    return make_report(run, measured_on=_day(folder), prices=prices)


def keep_report(report: Report, html: Path) -> tuple[Path, Path]:
    """Write a report as HTML, and as Markdown beside it; return both files.

    Raises:
        OSError: They cannot be written.
    """
    markdown = html.with_suffix(".md")
    html.write_text(as_html(report), encoding="utf-8")
    markdown.write_text(as_markdown(report), encoding="utf-8")
    return html, markdown


def put_into(report: Report, document: Path) -> None:
    """Replace what a document has between its marks.

    ``<!-- benchmarks -->`` is followed by the short table, ``<!-- benchmarks: NAMES -->`` by parts
    of the report; both end at ``<!-- end of benchmarks -->``.

    Raises:
        DocumentError: It has no marks, or names a part that there is not.
        OSError: It cannot be read or written.
    """
    text = document.read_text(encoding="utf-8")

    def replaced(found: re.Match[str]) -> str:
        names = (found["names"] or "table").split()
        try:
            part = part_of(report, names)
        except KeyError as error:
            raise DocumentError(f"{document}: a report has no part {error}") from error
        return f"{found[1]}\n{part}\n\n{found[4]}"

    new, count = _MARKS.subn(replaced, text)
    if not count:
        raise DocumentError(
            f"{document} has no marks: put <!-- benchmarks --> where the figures are to begin, and "
            "<!-- end of benchmarks --> where they end, each on a line of its own"
        )
    document.write_text(new, encoding="utf-8")


def _day(folder: Path) -> str:
    try:
        raw = json.loads(RunFolder(folder).raw_files()[-1].read_text(encoding="utf-8"))
        return datetime.fromisoformat(raw["datetime"]).date().isoformat()
    except (OSError, ValueError, LookupError, TypeError):
        return ""
