"""What the agents of the examples can do in the world, and how it is recorded."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from examples.research_team import documents
from examples.shared import journal
from examples.support_agent import store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.FOLDER, str(tmp_path))
    monkeypatch.delenv(journal.PACE, raising=False)


@pytest.mark.parametrize("name", ["../README.md", "/etc/hostname", "conformance.json", "no.md", ""])
def test_only_documents_can_be_read(name: str) -> None:
    with pytest.raises(documents.NoSuchDocumentError, match=r"there are: approvals\.md"):
        documents.section(name, "Guide")


def test_a_link_out_of_the_documents_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "DOCS", tmp_path / "docs")
    (tmp_path / "docs").mkdir()
    (tmp_path / "secret.md").write_text("# Secret\nsecret\n")
    (tmp_path / "docs" / "link.md").symlink_to(tmp_path / "secret.md")
    assert documents.names() == []
    assert documents.search("secret") == []
    with pytest.raises(documents.NoSuchDocumentError):
        documents.section("link.md", "Secret")


def test_a_section_ends_at_the_next_heading_but_not_at_a_comment_in_code() -> None:
    settings = documents.section("guide.md", "Timers and deadlines")
    assert settings.startswith("`asyncio.sleep`")
    assert settings.endswith("```")
    with pytest.raises(documents.NoSuchDocumentError, match="it has: Guide"):
        documents.section("guide.md", "Time travel")


def test_search_finds_lines_that_have_all_the_words() -> None:
    found = documents.search("NEVER lost")
    assert any(match.document == "rules.md" and "`start` returns" in match.line for match in found)
    assert documents.search("") == []
    assert len(documents.search("the")) == 8


def test_an_order_is_refunded_once_and_never_beyond_its_price() -> None:
    with pytest.raises(ValueError, match="cost 48 euros; 49 cannot be refunded"):
        store.refund(1042, euros=49, reason="greed")
    assert store.refund(1042, euros=40, reason="broken").refunded == 40  # type: ignore[union-attr]
    assert store.refund(1042, euros=48, reason="again").refunded == 40  # type: ignore[union-attr]
    assert store.refund(7, euros=1, reason="whose?") is None
    assert [order.id for order in store.orders_of("ann@example.com")] == [1041, 1042]


def test_a_tool_that_raises_is_recorded_as_ended_and_a_half_line_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tools.jsonl"
    monkeypatch.setenv(journal.JOURNAL, str(path))
    with pytest.raises(ZeroDivisionError), journal.recorded("divide", by=0):
        raise ZeroDivisionError
    with path.open("a") as file:
        file.write('{"phase": "beg')
    lines = journal.read(path)
    assert [(line.phase, line.tool, line.key) for line in lines] == [
        ("begin", "divide", 'divide {"by": 0}'),
        ("end", "divide", 'divide {"by": 0}'),
    ]
    assert lines[0].pid == os.getpid()
