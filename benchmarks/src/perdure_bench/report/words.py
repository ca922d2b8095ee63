"""Numbers and names as a report writes them. Pure functions."""

from __future__ import annotations

import re

from perdure_bench.cells import FASTEST, NATIVE, PERDURE

_PEERS = {"dbos": "DBOS", "restate": "Restate"}
_BACKENDS = {"embedded": "Embedded", "dapr": "Dapr", "azure": "Azure", **_PEERS}
_VENDORS = {"dapr": "Dapr's SDK", "azure": "Microsoft's SDK"}
_ENDS = {
    "-4MiB": " (sidecar at 4 MiB)",
    "-inline": ", no payload store",
    "-store": ", payload store",
}
"""How the names of the ways of the payload ladder go on."""

_LONGEST_NOTE = 240
_PATH = re.compile(r"(?<![\w/:.])/(?:[\w.@+~-]+/)+([\w.@+~-]*)")
_NUMBER = re.compile(r"(\d+)")


def seconds(value: float) -> str:
    """Return a duration: ``840 µs``, ``12.3 ms``, ``1.20 s``."""
    if value < 0:
        return f"-{seconds(-value)}"
    if value < 0.001:
        return f"{_all_digits(value * 1e6)} µs"
    if value < 1:
        return f"{_all_digits(value * 1e3)} ms"
    return f"{_all_digits(value)} s"


def size(value: float) -> str:
    """Return a number of bytes: ``64 KiB``, ``3.91 MiB``."""
    for unit in ("bytes", "KiB", "MiB"):
        if value < 1024:
            return f"{three_digits(value)} {unit}"
        value /= 1024
    return f"{three_digits(value)} GiB"


def times(value: float) -> str:
    """Return a ratio: ``1.07 x``."""
    return f"{_all_digits(value)} x"


def three_digits(value: float) -> str:
    """Return a number with the three digits that say something, without zeros at its end."""
    return _all_digits(value).removesuffix(".0").removesuffix(".00")


def _all_digits(value: float) -> str:
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{digits}f}" if abs(value) >= 0.1 else f"{value:.2g}"


def amount(value: float, unit: str) -> str:
    """Return a sample of this unit of :class:`perdure_bench.cells.Found`."""
    if unit == "s":
        return seconds(value)
    if unit == "bytes":
        return size(value)
    return f"{three_digits(value)} {unit}" if unit != "1/s" else f"{three_digits(value)} per second"


def backend_name(backend: str) -> str:
    """Return a backend's name for people."""
    return _BACKENDS.get(backend, backend)


def way_name(way: str, backend: str) -> str:
    """Return what does the work, for people."""
    known = {
        PERDURE: "perdure",
        FASTEST: "perdure, fastest",
        NATIVE: _VENDORS.get(backend, "its own SDK"),
        **_PEERS,
    }
    if way in known:
        return known[way]
    for end, words in _ENDS.items():
        if way.endswith(end):
            return way_name(way.removesuffix(end), backend) + words
    return way


def workload_name(workload: str, clients: int) -> str:
    """Return a workload's name, with its clients if they are several."""
    return workload if clients == 1 else f"{workload}, {clients} clients"


def listed(parts: list[str]) -> str:
    """Return an enumeration: ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return ``1 cell``, ``2 cells``, ``no cells``; the plural has an s unless it is given."""
    return f"{count or 'no'} {noun if count == 1 else plural or f'{noun}s'}"


def note(text: str) -> str:
    """Return the first line of a note, not too long, without paths of the machine."""
    first = without_paths(text.strip().partition("\n")[0])
    return first if len(first) <= _LONGEST_NOTE else first[: _LONGEST_NOTE - 1] + "…"


def without_paths(text: str) -> str:
    """Return a text with no more than the last part of each absolute path in it."""
    return _PATH.sub(r"…/\1", text)


def natural(text: str) -> list[tuple[int, int, str]]:
    """Return a key to sort by, for which 20 comes after 3."""
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in _NUMBER.split(text)
        if part
    ]
