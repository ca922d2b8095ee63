"""The kinds of payloads, the texts that are sent as such, and the answers that are right.

A size is that of the JSON text: a string with its two quotes, of characters that JSON leaves as
they are. The text does not repeat within a MiB, so compression would find nothing in it.
"""

from __future__ import annotations

import base64
import hashlib
import random
from typing import Literal, get_args

Kind = Literal[
    "workflow input",
    "workflow output",
    "activity input",
    "activity output",
    "event",
    "custom status",
    "cumulative history",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

KIB = 1_024
_SMALLER = (1, 64, 512, 1_020, 1_030, 2_040, 2_060, 3_072, 3_880, 3_950, 4_200, 8_192, 16_384)
RUNGS = tuple(KIB * size for size in (*_SMALLER, 65_000, 66_000))
"""Close around 1 MiB, 2 MiB, 95 % of 4 MiB, and 64 MiB, where limits are expected."""

NATIVE_RUNGS = tuple(KIB * size for size in (*_SMALLER, 62_000, 63_000, 66_000))
"""The same, but close around 95 % of 64 MiB."""

_MOST_HISTORY = 16_384 * KIB

RESULT_BYTES = 100_000
"""Of each result in ``cumulative history``: an instance has so many that they are the size."""

RESULTS_AT_ONCE = 10
"""So many activities of such an instance run at once."""

_BLOCK = base64.b64encode(random.Random(0).randbytes(3 << 18)).decode()


def rungs_of(kind: Kind, *, is_native: bool) -> tuple[int, ...]:
    """Return the sizes to try for a kind, through a vendor's own SDK or through perdure."""
    rungs = NATIVE_RUNGS if is_native else RUNGS
    if kind == "cumulative history":
        return tuple(size for size in rungs if 4 * RESULT_BYTES < size <= _MOST_HISTORY)
    return rungs


def text_of(size: int) -> str:
    """Return a text whose JSON has so many bytes."""
    characters = max(0, size - 2)
    return (_BLOCK * (characters // len(_BLOCK) + 1))[:characters]


def fingerprint(text: str) -> str:
    """Return what tells a text from any other."""
    return f"{len(text)} {hashlib.sha256(text.encode()).hexdigest()}"


def pieces_of(size: int) -> list[int]:
    """Return the sizes of the results that have so many bytes together."""
    whole, rest = divmod(size, RESULT_BYTES)
    return [RESULT_BYTES] * whole + ([rest] if rest else [])


def runs_of(kind: Kind, size: int) -> int:
    """Return how many activities an instance runs to be of that size; 0 for a single payload."""
    return len(pieces_of(size)) if kind == "cumulative history" else 0


def batches_of(size: int) -> list[list[int]]:
    """Return those sizes, as they are asked for at once."""
    pieces = pieces_of(size)
    return [pieces[n : n + RESULTS_AT_ONCE] for n in range(0, len(pieces), RESULTS_AT_ONCE)]


def expected(kind: Kind, size: int) -> str:
    """Return the fingerprint that the right answer has."""
    if kind == "cumulative history":
        return fingerprint("".join(fingerprint(text_of(piece)) for piece in pieces_of(size)))
    return fingerprint(text_of(size))


def given_to(kind: Kind, size: int) -> str | int:
    """Return the input of the workflow: the text itself, or the size of one that is made there."""
    return text_of(size) if kind == "workflow input" else size


def answer_of(kind: Kind, *, output: str, custom_status: str) -> str:
    """Return the fingerprint of what came back; most workflows return one themselves."""
    if kind == "workflow output":
        return fingerprint(output)
    return fingerprint(custom_status) if kind == "custom status" else output
