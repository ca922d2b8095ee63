"""The statement: what a usage costs on each plan, and when one becomes cheaper than another."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from perdure_bench.cost.break_even import BreakEven, Curve, break_evens, comparable, curves
from perdure_bench.cost.plans import plans_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perdure_bench.cost.measured import Measured
    from perdure_bench.cost.plans import Monthly, Plan
    from perdure_bench.cost.prices import Prices
    from perdure_bench.cost.usage import Usage

    Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One plan. Ranges go from the count of the billing page to that of the metrics page.

    Attributes:
        plan: Its name.
        is_enough: Whether it takes the rate, by either count.
        units: How many capacity units it needs; ``None`` where it has none.
        service: What its servers cost in a month, or the scheduler; ``None`` where it is not
            known, or not enough.
        workers: What your own worker processes cost.
        total: Both, as far as they are known.
        needs: Which prices are missing.
        notes: What must be known of it.
    """

    plan: str
    is_enough: bool
    units: tuple[int, int] | None
    service: Range | None
    workers: Range | None
    total: Range | None
    needs: Sequence[str]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """All that is known of a month.

    Attributes:
        usage: What is paid for.
        actions_per_month: By the billing page, and by the metrics page.
        actions_per_second: At the peak, likewise.
        currency: Of the prices, as the user names it.
        rows: The plans.
        break_evens: From which volume on one is cheaper than another.
        curves: Cost against volume.
        is_measured: Whether it is known what work takes on machines of your own.
    """

    usage: Usage
    actions_per_month: Range
    actions_per_second: Range
    currency: str
    rows: Sequence[Row]
    break_evens: Sequence[BreakEven]
    curves: Sequence[Curve]
    is_measured: bool

    @property
    def needs(self) -> list[str]:
        """The prices that some plan lacks."""
        return list(dict.fromkeys(name for row in self.rows for name in row.needs))

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {**asdict(self), "needs": self.needs}


def statement(usage: Usage, prices: Prices, measured: Mapping[str, Measured]) -> Statement:
    """Return what a usage costs."""
    plans = plans_of(prices, peak_factor=usage.peak_factor, measured=measured)
    compared = comparable(plans)
    return Statement(
        usage=usage,
        actions_per_month=usage.actions_per_month(),
        actions_per_second=usage.peak_rates(),
        currency=prices.currency,
        rows=[_row(plan, usage, is_compared=plan in compared) for plan in plans],
        break_evens=break_evens(plans, usage),
        curves=curves(plans, usage),
        is_measured=bool(measured),
    )


def _row(plan: Plan, usage: Usage, *, is_compared: bool) -> Row:
    instances = usage.instances_per_month
    is_enough = plan.reaches(instances, usage.metrics)
    least, most = plan.units(instances, usage.published), plan.units(instances, usage.metrics)
    units = None if least is None or most is None or not is_enough else (least, most)
    service = _range(plan.service, usage) if is_enough else None
    workers = _range(plan.workers, usage)
    low, high = (plan.total(instances, each) for each in (usage.published, usage.metrics))
    notes = list(plan.notes)
    if not is_enough:
        words = f"at most {plan.most_per_second:,.0f} actions a second, and the peak is above that"
        notes.insert(0, words)
    if service is not None and plan.workers is None:
        notes.append("your workers are not in the sum")
    if plan.service is not None and not is_compared:
        notes.append("not compared with the first plan, of which the workers are not known")
    return Row(
        plan=plan.name,
        is_enough=is_enough,
        units=units,
        service=service,
        workers=workers,
        total=None if low is None or high is None else (low, high),
        needs=plan.needs,
        notes=notes,
    )


def _range(cost: Monthly | None, usage: Usage) -> Range | None:
    if cost is None:
        return None
    instances = usage.instances_per_month
    return cost(instances, usage.published), cost(instances, usage.metrics)
