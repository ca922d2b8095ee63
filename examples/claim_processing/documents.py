"""The documents of claims: text files in this folder, of lines such as ``Item: bicycle``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
POLICY: Final = "policy.txt"

Fields = dict[str, list[str]]
"""What a document says, by the word before the colon."""


def names_of(claim: str) -> list[str]:
    """Return the documents of a claim.

    Raises:
        LookupError: There is no such claim.
    """
    folder = HERE / "claims" / claim
    if not claim.isdigit() or not folder.is_dir():
        known = ", ".join(sorted(it.name for it in (HERE / "claims").iterdir()))
        raise LookupError(f"there is no claim {claim!r}; there are: {known}")
    return sorted(f"claims/{claim}/{it.name}" for it in folder.glob("*.txt"))


def read(name: str) -> Fields:
    """Return what a document says."""
    fields: Fields = {}
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        word, colon, value = line.partition(": ")
        if colon:
            fields.setdefault(word, []).append(value)
    return fields
