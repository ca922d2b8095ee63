"""Plans: the ways to have workflows run, and what a month of each costs. Pure functions.

Of Durable Task Scheduler the limits are those that Microsoft publishes: 500 actions a second on
Consumption; 2,000 for each of one to three capacity units of Dedicated, and three units for high
availability.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure_bench.cost.usage import HOURS_PER_MONTH, rate_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from perdure_bench.cost.measured import Measured
    from perdure_bench.cost.prices import Prices

CONSUMPTION_PER_SECOND = 500
UNIT_PER_SECOND = 2_000
MOST_UNITS = 3

_GIBIBYTE = 2**30
_WORKER = "worker"
_BESIDE_WORKERS = (_WORKER, "daprd")
"""Of these there are as many as workers; of any other process there is one."""

_OF_MACHINES = ("price_per_vcpu_hour", "price_per_gib_hour")

Monthly = Callable[[float, float], float]
"""What a month costs, of so many instances of so many actions each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One way.

    Attributes:
        name: For people.
        peak_factor: How many times as high the rate is at its highest as on average.
        service: What its servers cost, or the scheduler; ``None`` where prices are missing.
        workers: What your own worker processes cost; ``None`` where that is not known.
        most_per_second: How many actions a second it takes; ``None``: no limit is known.
        least_units: Of capacity units, how many it has at least; ``None`` where it has none.
        needs: Which prices are missing.
        notes: What must be known of it, in sentences.
    """

    name: str
    peak_factor: float
    service: Monthly | None = None
    workers: Monthly | None = None
    most_per_second: float | None = None
    least_units: int | None = None
    needs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def reaches(self, instances: float, actions: float) -> bool:
        """Return whether it takes so much at the peak."""
        rate = rate_of(instances * actions, self.peak_factor)
        return self.most_per_second is None or rate <= self.most_per_second

    def units(self, instances: float, actions: float) -> int | None:
        """Return how many capacity units that needs; ``None`` where there are none."""
        if self.least_units is None:
            return None
        rate = rate_of(instances * actions, self.peak_factor)
        return max(self.least_units, math.ceil(rate / UNIT_PER_SECOND))

    def total(self, instances: float, actions: float) -> float | None:
        """Return what all of it costs, without the workers where that is not known.

        ``None`` where prices are missing, or it does not reach so far.
        """
        if self.service is None or not self.reaches(instances, actions):
            return None
        workers = 0.0 if self.workers is None else self.workers(instances, actions)
        return self.service(instances, actions) + workers


def plans_of(prices: Prices, *, peak_factor: float, measured: Mapping[str, Measured]) -> list[Plan]:
    """Return all plans.

    Args:
        prices: Those that are known.
        peak_factor: How many times as high the rate is at its highest as on average.
        measured: What work takes on each backend, as far as a run has it.
    """
    workers = None
    if "azure" in measured:
        workers = _compute(measured["azure"], prices, peak_factor, only={_WORKER})
    plans = [
        _consumption(prices, peak_factor, workers),
        _dedicated("DTS Dedicated", prices, peak_factor, workers, at_least=1),
        _dedicated("DTS Dedicated, 3 units", prices, peak_factor, workers, at_least=MOST_UNITS),
    ]
    if "dapr" in measured:
        plans.append(_self_hosted("Dapr", measured["dapr"], prices, peak_factor))
    if "embedded" in measured:
        plans.append(_self_hosted("embedded engine", measured["embedded"], prices, peak_factor))
    return plans


def _consumption(prices: Prices, peak_factor: float, workers: Monthly | None) -> Plan:
    price = prices.price_per_million_actions
    return Plan(
        name="DTS Consumption",
        peak_factor=peak_factor,
        service=None if price is None else lambda number, actions: number * actions / 1e6 * price,
        workers=workers,
        most_per_second=CONSUMPTION_PER_SECOND,
        needs=() if price is not None else ("price_per_million_actions",),
    )


def _dedicated(
    name: str, prices: Prices, peak_factor: float, workers: Monthly | None, *, at_least: int
) -> Plan:
    price = prices.price_per_unit_hour

    def service(instances: float, actions: float) -> float:
        assert price is not None
        rate = rate_of(instances * actions, peak_factor)
        return max(at_least, math.ceil(rate / UNIT_PER_SECOND)) * price * HOURS_PER_MONTH

    return Plan(
        name=name,
        peak_factor=peak_factor,
        service=None if price is None else service,
        workers=workers,
        most_per_second=UNIT_PER_SECOND * MOST_UNITS,
        least_units=at_least,
        needs=() if price is not None else ("price_per_unit_hour",),
        notes=("Microsoft's high availability needs three units",)
        if at_least == MOST_UNITS
        else (),
    )


def _self_hosted(name: str, measured: Measured, prices: Prices, peak_factor: float) -> Plan:
    servers = set(measured.memory_bytes) - {_WORKER}
    return Plan(
        name=name,
        peak_factor=peak_factor,
        service=_compute(measured, prices, peak_factor, only=servers),
        workers=_compute(measured, prices, peak_factor, only={_WORKER}),
        needs=tuple(price for price in prices.missing if price in _OF_MACHINES),
        notes=measured.words,
    )


def _compute(
    measured: Measured, prices: Prices, peak_factor: float, *, only: Collection[str]
) -> Monthly | None:
    """Return what some processes cost: processor time that is used, and memory all month."""
    per_vcpu, per_gib = prices.price_per_vcpu_hour, prices.price_per_gib_hour
    if per_vcpu is None or per_gib is None:
        return None
    cpu_seconds = sum(measured.cpu_seconds_per_action.get(name, 0.0) for name in only)

    def cost(instances: float, actions: float) -> float:
        month = instances * actions
        # A worker is one process of Python: one processor at most.
        busy = measured.cpu_seconds_per_action.get(_WORKER, 0.0) * rate_of(month, peak_factor)
        workers = max(1, math.ceil(busy))
        memory = sum(
            size * (workers if name in _BESIDE_WORKERS else 1)
            for name, size in measured.memory_bytes.items()
            if name in only
        )
        hours = month * cpu_seconds / 3_600
        return hours * per_vcpu + memory / _GIBIBYTE * HOURS_PER_MONTH * per_gib

    return cost
