"""What a check of code or of a journal finds: a place, a problem, and what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault. As text it is a line that editors and CI services can follow.

    Attributes:
        path: The file.
        line: The line in it, counted from 1; 0 where the whole file is meant.
        rule: The kind of fault, in one word.
        problem: What is wrong.
        remedy: What to do about it.
    """

    path: str
    line: int
    rule: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{place}: {self.rule}: {self.problem}{remedy}"
