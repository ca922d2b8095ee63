"""How a chart is drawn and made SVG: the page gives it its colours, so that it fits light and dark.

Matplotlib is given colours that nothing else has. In the SVG each of them is replaced by a variable
of the page's style.
"""

from __future__ import annotations

import io
import itertools
import re
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from perdure_bench.cells import FASTEST, NATIVE, PERDURE
from perdure_bench.report.blocks import Chart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from matplotlib.axes import Axes

WIDE, NARROW = 960, 360
"""The widths, in pixels of the page."""

INK, SOFT, LINE, CARD = "#010101", "#020202", "#030303", "#040404"
_VARIABLES = {INK: "ink", SOFT: "soft", LINE: "line", CARD: "card"}
_SERIES = ("embedded", "dapr", "azure")
_OTHERS = 3
_VARIABLES |= {f"#0a0a{n:02x}": f"series-{n}" for n in range(1, len(_SERIES) + _OTHERS + 1)}

_PLANS = {"embedded engine": "embedded", "Dapr": "dapr"}
"""Plans to pay by that are a backend's only one."""

MARKERS = {PERDURE: "o", FASTEST: "D", NATIVE: "s"}
_OTHER_MARKER = "^"
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 12.0,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.linewidth": 1.0,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": INK,
    "hatch.linewidth": 1.0,
}
_SIZE = re.compile(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>')
_UNUSED = re.compile(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", re.DOTALL)
_COUNTED_ID = re.compile(r'<(g|path|rect) id="[\w.]+_\d+"')
_PLACES = re.compile(r' (?:d|x|y|width|height|transform)="[^"]*"')
_LONG_NUMBER = re.compile(r"(\d\.\d)\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """What a chart is drawn on.

    Attributes:
        figure: An empty one.
        is_narrow: Whether it is for a phone.
    """

    figure: Figure
    is_narrow: bool

    def height(self, pixels: float) -> None:
        """Make it so high."""
        self.figure.set_size_inches(self.width / 72, pixels / 72)

    @property
    def width(self) -> int:
        """In pixels."""
        return NARROW if self.is_narrow else WIDE


def chart(name: str, *, title: str, description: str, draw: Callable[[Canvas], None]) -> Chart:
    """Return a chart, drawn once for a page and once for a phone."""
    drawn = [
        _svg(f"{name}-{kind}", draw, is_narrow=is_narrow, title=title, description=description)
        for kind, is_narrow in (("wide", False), ("narrow", True))
    ]
    return Chart(name=name, title=title, description=description, wide=drawn[0], narrow=drawn[1])


def series_number(backend: str) -> int:
    """Return the number of a backend's colour, which is the same in all charts and legends."""
    if backend in _SERIES:
        return _SERIES.index(backend) + 1
    return len(_SERIES) + 1 + sum(backend.encode()) % _OTHERS


def colour_of(backend: str) -> str:
    """Return what stands for a backend's colour until the page gives it one."""
    return colour_numbered(series_number(backend))


def plan_numbers(plans: Sequence[str]) -> list[int]:
    """Return the numbers of the colours of plans to pay by: a backend's own, if it has but one."""
    others = itertools.count(series_number("azure"))
    return [series_number(_PLANS[plan]) if plan in _PLANS else next(others) for plan in plans]


def colour_numbered(number: int) -> str:
    """Return what stands for the colour of this number until the page gives it one."""
    return f"#0a0a{number:02x}"


def marker_of(way: str) -> str:
    """Return the shape that stands for a way to do work."""
    return MARKERS.get(way, _OTHER_MARKER)


def face_of(way: str, colour: str) -> str:
    """Return what a mark is filled with: the vendor's own are hollow."""
    return CARD if way == NATIVE else colour


def quiet(axes: Axes) -> None:
    """Leave only what says something: the values' axis and lines to read them by."""
    axes.set_facecolor("none")
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="both", which="both", length=0, pad=6)
    axes.grid(axis="x", color=LINE, linewidth=1)
    axes.set_axisbelow(True)


def _svg(
    name: str, draw: Callable[[Canvas], None], *, is_narrow: bool, title: str, description: str
) -> str:
    with _settings(name):
        figure = Figure()
        FigureCanvasSVG(figure)
        figure.patch.set_visible(False)
        draw(Canvas(figure=figure, is_narrow=is_narrow))
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return _for_page(file.getvalue(), name=name, title=title, description=description)


@contextmanager
def _settings(salt: str) -> Iterator[None]:
    # Ids of what SVG shares within itself must differ between the drawings of a page.
    with mpl.rc_context({**_SETTINGS, "svg.hashsalt": salt}):
        yield


def _for_page(svg: str, *, name: str, title: str, description: str) -> str:
    svg = _UNUSED.sub("", svg[svg.index("<svg ") :])
    svg = _COUNTED_ID.sub(r"<\1", svg)
    # A tenth of a pixel is enough, and makes a page half as large.
    svg = _PLACES.sub(lambda found: _LONG_NUMBER.sub(r"\1", found[0]), svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    head = (
        rf'<svg viewBox="\1" role="img" aria-labelledby="{name}-title {name}-words">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-words">{escape(description)}</desc>'
    ).replace("\\1", "{box}")
    found = _SIZE.search(svg)
    assert found is not None
    return head.replace("{box}", found.group(1)) + svg[found.end() :].strip()
