"""What a report is made of. HTML and Markdown are two ways to write the same blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A paragraph."""

    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """What a reader must not overlook."""

    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of words.

    Attributes:
        head: Of each column.
        rows: As many words each.
        caption: What it shows.
        is_folded: Whether a page shows it only when asked: there is a chart of it.
        words: How many columns from the left have words; the others have numbers.
    """

    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    caption: str = ""
    is_folded: bool = False
    words: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawing.

    Attributes:
        name: Its own in the report; of letters, digits and hyphens.
        title: What it shows.
        description: The same for those who cannot see it, with its figures.
        wide: SVG for a page.
        narrow: SVG for a phone.
    """

    name: str
    title: str
    description: str
    wide: str
    narrow: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What one mark of the charts stands for.

    Attributes:
        mark: The name of its style, of letters, digits and hyphens.
        words: What it stands for.
    """

    mark: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """What the marks of the charts below stand for."""

    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Sizes at which the same came out.

    Attributes:
        outcome: What.
        start: Where it begins, as a fraction of the scale.
        width: How much of the scale it takes.
    """

    outcome: str
    start: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """What came out for one kind of value on one backend, in one way.

    Attributes:
        who: Backend and way.
        spans: By size.
        edge: Where it ends and how, in words.
    """

    who: str
    spans: tuple[Span, ...]
    edge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """All rungs of one kind of value.

    Attributes:
        kind: Of the value.
        rungs: One for each backend and way.
        ticks: Of the scale: a size in words, and where it is.
    """

    kind: str
    rungs: list[Rung]
    ticks: tuple[tuple[str, float], ...]


Block = Text | Caution | Table | Chart | Legend | Ladder


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a report.

    Attributes:
        name: Its own; of letters and hyphens.
        title: Of the section.
        blocks: What is in it.
        is_empty: Whether nothing of it was measured.
    """

    name: str
    title: str
    blocks: list[Block] = field(default_factory=list)
    is_empty: bool = False

    def kind(self, block: Block) -> str:
        """Return the name of a block's class, for templates."""
        return type(block).__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole report.

    Attributes:
        title: Of the report.
        facts: What it is of, in a few words each.
        summary: Sentences, by what they are about.
        cautions: What a reader must know before anything else.
        sections: In their order.
        table: The few figures that stand for all.
        data: The run itself, as JSON.
    """

    title: str
    facts: list[str]
    summary: dict[str, list[str]]
    cautions: list[str]
    sections: list[Section]
    table: Table
    data: str
