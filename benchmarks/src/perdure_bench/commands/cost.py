"""``perdure cost``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from perdure.cli import arguments
from perdure.cli.commands import command
from perdure.cli.shell import Shell
from perdure_bench.commands.headings import BENCH
from perdure_bench.commands.prices import Currency, GibHour, MillionActions, UnitHour, VcpuHour

PerInstance = Annotated[
    float | None,
    typer.Option("--actions-per-instance", help="Billable actions of an instance.", metavar="N"),
]
PatternName = Annotated[
    str | None,
    typer.Option(
        "--pattern",
        help="Those of a pattern, as --run counted it in the suite actions.",
        metavar="NAME",
    ),
]
Journals = Annotated[
    list[Path] | None,
    typer.Option(
        "--journal",
        help="Those of a journal, as perdure history writes it; may be repeated.",
        metavar="FILE",
    ),
]
Hub = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="Those of a hub's finished instances: azure://..., dapr://..., sqlite:///...",
        metavar="BACKEND",
    ),
]
Since = Annotated[
    Any,
    typer.Option(
        "--since",
        parser=arguments.moment,
        help="With --from: only instances made since: 7d, 2026-11-22T18:00:00Z.",
        metavar="DURATION|TIME",
    ),
]
WorkflowName = Annotated[
    str | None,
    typer.Option("--name", help="With --from: only of this workflow.", metavar="WORKFLOW"),
]
Limit = Annotated[
    int,
    typer.Option(
        "--limit",
        help="With --from: the newest so many; 0 is all; 1,000.",
        metavar="N",
        min=0,
    ),
]
PerMonth = Annotated[
    float | None,
    typer.Option(
        "--instances-per-month",
        help="How many instances there are; with --from, by default at the rate seen there.",
        metavar="N",
    ),
]
PeakFactor = Annotated[
    float,
    typer.Option(
        "--peak-factor",
        help="How many times as high the rate is at its highest as on average; 1.",
        metavar="N",
    ),
]
RunFolder = Annotated[
    Path | None,
    typer.Option(
        "--run",
        help="A run of perdure bench: what Dapr, the embedded engine and workers take.",
        metavar="FOLDER",
    ),
]
Way = Annotated[
    str,
    typer.Option("--way", help="Of that run: perdure, or another as it names it.", metavar="WAY"),
]


def register(program: typer.Typer) -> None:
    """Add the command of this file."""
    examples = (
        "perdure cost --actions-per-instance 83 --instances-per-month 100000",
        "perdure cost --from azure://my-scheduler.westeurope.durabletask.io/default --since 7d",
        "perdure cost --journal trip-1.jsonl --instances-per-month 20000 -o json",
        "perdure cost --run .perdure/bench/friday --pattern timer --instances-per-month 1000000",
    )
    command(program, under=BENCH, examples=examples)(cost)


def cost(
    shell: Shell,
    actions_per_instance: PerInstance = None,
    pattern: PatternName = None,
    journal: Journals = None,
    source: Hub = None,
    since: Since = None,
    name: WorkflowName = None,
    limit: Limit = 1_000,
    instances_per_month: PerMonth = None,
    peak_factor: PeakFactor = 1.0,
    run: RunFolder = None,
    way: Way = "perdure",
    price_per_million_actions: MillionActions = None,
    price_per_unit_hour: UnitHour = None,
    price_per_vcpu_hour: VcpuHour = None,
    price_per_gib_hour: GibHour = None,
    currency: Currency = None,
) -> None:
    """Say what workflows cost in a month, from counts of actions or from what a hub has recorded.

    Prices are yours: by option, in [cost] of perdure.toml, or in [tool.perdure.cost] of
    pyproject.toml. There is no price by default. What needs none is told without: actions, rates,
    capacity units.
    """
    from perdure_bench.cost import asked
    from perdure_bench.cost.measured import measured_in
    from perdure_bench.cost.prices import read_prices
    from perdure_bench.cost.shown import show
    from perdure_bench.cost.statement import statement

    prices = read_prices(
        Path(),
        {
            "price_per_million_actions": price_per_million_actions,
            "price_per_unit_hour": price_per_unit_hour,
            "price_per_vcpu_hour": price_per_vcpu_hour,
            "price_per_gib_hour": price_per_gib_hour,
            "currency": currency,
        },
    )
    chosen = asked.Source(
        actions=actions_per_instance, pattern=pattern, journals=journal or [], hub=source, way=way
    )
    limits = asked.Limits(since=since, name=name, limit=limit)
    asked.check(chosen, instances=instances_per_month, peak_factor=peak_factor, run=run)
    found = None if run is None else asked.read_run(run)
    usage = asked.usage_of(
        chosen,
        shell=shell,
        run=found,
        limits=limits,
        instances=instances_per_month,
        peak_factor=peak_factor,
    )
    measured = {} if found is None else measured_in(found, way=way)
    show(shell, statement(usage, prices, measured))
