"""The options that give prices, for the commands that turn what is measured into money."""

from __future__ import annotations

from typing import Annotated

import typer

_MONEY = "MONEY"

MillionActions = Annotated[
    float | None,
    typer.Option(
        "--price-per-million-actions", help="On Consumption, where you are.", metavar=_MONEY
    ),
]
UnitHour = Annotated[
    float | None,
    typer.Option("--price-per-unit-hour", help="Of a capacity unit of Dedicated.", metavar=_MONEY),
]
VcpuHour = Annotated[
    float | None,
    typer.Option("--price-per-vcpu-hour", help="Of your own machines.", metavar=_MONEY),
]
GibHour = Annotated[
    float | None,
    typer.Option("--price-per-gib-hour", help="Of their memory.", metavar=_MONEY),
]
Currency = Annotated[
    str | None,
    typer.Option("--currency", help="Its name, for the output.", metavar="TEXT"),
]
