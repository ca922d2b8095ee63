"""What the team can do: list, search and read documents, and write the report."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Final

from agent_framework import tool

from examples.research_team import documents
from examples.shared.journal import recorded

FOLDER: Final = "RESEARCH_TEAM_FOLDER"
"""Where reports go; by default to .perdure/research_team/files, from where one stands."""


@tool
def list_documents() -> list[str]:
    """Return the names of all documents."""
    with recorded("list_documents"):
        return documents.names()


@tool
def search_documents(words: str) -> list[dict[str, str]]:
    """Return lines that have all the words, with their document and section."""
    with recorded("search_documents", words=words):
        return [asdict(match) for match in documents.search(words)]


@tool
def read_section(document: str, section: str) -> str:
    """Return a section of a document."""
    with recorded("read_section", document=document, section=section):
        try:
            return documents.section(document, section)
        except documents.NoSuchDocumentError as err:
            return str(err)


@tool
def write_report(title: str, text: str) -> str:
    """Write the report as a file, in place of an earlier one, and return its name."""
    with recorded("write_report", title=title):
        path = folder() / "report.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(f"# {title}\n\n{text}\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        return path.name


def folder() -> Path:
    """Return where reports go."""
    return Path(os.environ.get(FOLDER) or ".perdure/research_team/files").resolve()
