"""Break-even: from which volume on one plan is cheaper than another, and the curves for a chart.

Pure functions. Costs rise in steps, so a plan may be cheaper, dearer and cheaper again: what is
given is the lowest volume from which on it stays so up to where the other one ends or a bound is
reached, if there is one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perdure_bench.cost.plans import Plan
    from perdure_bench.cost.usage import Usage

    Costs = Callable[[float], float | None]

MOST_INSTANCES = 1e12
_POINTS_PER_DECADE = 40
_POINTS_PER_DECADE_OF_CURVES = 16
_HALVINGS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """From how many instances a month on ``plan`` is cheaper than ``than``.

    Attributes:
        by_published: By the count of the billing page; ``None`` for never.
        by_metrics: By that of the metrics page.
        is_end: Whether ``than`` ends there, and is not dearer before.
    """

    plan: str
    than: str
    by_published: float | None
    by_metrics: float | None
    is_end: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What a plan costs against instances per month; it ends where the plan does.

    Attributes:
        plan: Its name.
        points: Instances per month; cost by the count of the billing page, and by that of the
            metrics page.
    """

    plan: str
    points: Sequence[tuple[float, float, float]]


def break_evens(plans: Sequence[Plan], usage: Usage) -> list[BreakEven]:
    """Return when each of the plans that can be compared becomes cheaper than the first of them."""
    priced = comparable(plans)
    if not priced:
        return []
    return [_break_even_of(plan, priced[0], usage) for plan in priced[1:]]


def comparable(plans: Sequence[Plan]) -> list[Plan]:
    """Return the plans that have a price, and workers that are known if the first one's are."""
    priced = [plan for plan in plans if plan.service is not None]
    return [plan for plan in priced if (plan.workers is None) == (priced[0].workers is None)]


def break_even(costs: Costs, other: Costs, *, most: float = MOST_INSTANCES) -> float | None:
    """Return from which volume on ``costs`` are below ``other``; ``None`` for never.

    Where ``other`` ends they are taken for below, unless they have ended as well.
    """
    volumes = _spread(1.0, most)
    is_below = [_is_below(costs, other, volume) for volume in volumes]
    from_here = None
    for (low, high), (was, now) in zip(pairwise(volumes), pairwise(is_below), strict=True):
        if now is True and was is False:
            from_here = _between(costs, other, low, high)
        elif now is False:
            from_here = None
    if from_here is None and is_below[0] and False not in is_below:
        return volumes[0]
    return from_here


def curves(plans: Sequence[Plan], usage: Usage, *, decades: float = 3) -> list[Curve]:
    """Return the curves of the plans that can be compared, so many decades around the usage."""
    middle = max(usage.instances_per_month, 1.0)
    volumes = _spread(
        max(1.0, middle / 10**decades),
        middle * 10**decades,
        per_decade=_POINTS_PER_DECADE_OF_CURVES,
    )
    found = []
    for plan in comparable(plans):
        points = [
            (volume, low, high)
            for volume in volumes
            if (low := plan.total(volume, usage.published)) is not None
            and (high := plan.total(volume, usage.metrics)) is not None
        ]
        if points:
            found.append(Curve(plan=plan.name, points=points))
    return found


def _break_even_of(plan: Plan, than: Plan, usage: Usage) -> BreakEven:
    def cheaper_from(actions: float) -> float | None:
        return break_even(
            lambda volume: plan.total(volume, actions), lambda volume: than.total(volume, actions)
        )

    published = cheaper_from(usage.published)
    return BreakEven(
        plan=plan.name,
        than=than.name,
        by_published=published,
        by_metrics=cheaper_from(usage.metrics),
        is_end=published is not None and not than.reaches(published, usage.published),
    )


def _is_below(costs: Costs, other: Costs, volume: float) -> bool | None:
    """Return whether it is; ``None`` where ``costs`` have ended, so that nothing can be said."""
    ours, theirs = costs(volume), other(volume)
    if ours is None:
        return None
    return theirs is None or ours < theirs


def _between(costs: Costs, other: Costs, low: float, high: float) -> float:
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        if _is_below(costs, other, middle):
            high = middle
        else:
            low = middle
    return high


def _spread(low: float, high: float, *, per_decade: int = _POINTS_PER_DECADE) -> list[float]:
    """Return volumes from low to high, as far from each other in ratio."""
    count = max(1, math.ceil(math.log10(high / low) * per_decade))
    return [low * (high / low) ** (number / count) for number in range(count + 1)]
