"""Linting a text whose own comments say what is to be found: ``# bad: clock``."""

from __future__ import annotations

import re
import textwrap

from perdure.lint import lint_source

HEAD = """
import asyncio, os, random, secrets, time, uuid
from datetime import date, datetime
import perdure

app = perdure.App("shop")

@app.activity
async def quote(city: str) -> int:
    return hash(city) + int(time.time())
"""


def expected_and_found(code: str) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Return what the comments of ``code`` announce, and what the lint finds: line and rule."""
    text = HEAD + textwrap.dedent(code)
    expected = [
        (number, rule.strip())
        for number, line in enumerate(text.split("\n"), start=1)
        if (match := re.search(r"# bad: ([a-z, ]+)", line))
        for rule in match[1].split(",")
    ]
    findings = lint_source(text, path="shop.py")
    return sorted(expected), [(finding.line, finding.rule) for finding in findings]


def workflow(body: str) -> str:
    """Return a workflow with this body."""
    return "@app.workflow\nasync def plan(city: str, *rest):\n" + textwrap.indent(
        textwrap.dedent(body), "    "
    )
