"""Measure perdure beside the SDK of a vendor, and keep the figures.

``python -m benchmarks.beside BACKEND [--only TEXT] [--most-pairs N] [--seed N] [--into FILE]
[--stack NAME=VALUE]``
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.beside.contest import compare
from benchmarks.beside.results import write_comparison
from benchmarks.beside.table import markdown
from benchmarks.beside.workloads import WORKLOADS, scaled

if TYPE_CHECKING:
    from collections.abc import Sequence

_BENCHMARKS = Path(__file__).parents[1]
_FOLDER = Path(".benchmarks")


def main(arguments: Sequence[str]) -> None:
    """Measure what the command line asks for."""
    asked = _parsed(arguments)
    workloads = [
        scaled(each, pairs=asked.most_pairs)
        for each in WORKLOADS
        if not asked.only or any(part in each.name for part in asked.only)
    ]
    vendor = importlib.import_module(f"benchmarks.{asked.backend}.compare").VENDOR
    with tempfile.TemporaryDirectory(prefix="perdure-bench-") as name:
        comparison = compare(
            vendor,
            workloads,
            folder=Path(name),
            seed=asked.seed,
            given=dict(asked.stack),
            tell=_tell,
        )
    write_comparison(asked.into or _FOLDER / f"{asked.backend}.json", comparison)
    sys.stdout.write(markdown(comparison))
    if len(comparison.workloads) < len(workloads):
        sys.exit("not everything could be measured: see above")


def backends() -> list[str]:
    """Return the backends whose vendor has an SDK to compare with."""
    return sorted(path.parent.name for path in _BENCHMARKS.glob("*/compare.py"))


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beside")
    parser.add_argument("backend", choices=backends(), help="whose own SDK is on the other side")
    parser.add_argument("--only", action="append", help="only workloads with this in their name")
    parser.add_argument("--most-pairs", type=int, default=1_000, help="for a look: fewer pairs")
    parser.add_argument("--seed", type=int, default=0, help="of the order within pairs")
    parser.add_argument("--into", type=Path, help="the file of JSON; .benchmarks/BACKEND.json")
    parser.add_argument(
        "--stack",
        action="append",
        default=[],
        type=_option,
        metavar="NAME=VALUE",
        help="an option of the stack, such as round_trip=same-region",
    )
    return parser.parse_args(arguments)


def _option(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


def _tell(words: str) -> None:
    sys.stderr.write(words + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
