"""Usage: how many instances a month, and what each comes to in actions."""

from __future__ import annotations

from dataclasses import dataclass

HOURS_PER_MONTH = 730.0
SECONDS_PER_MONTH = HOURS_PER_MONTH * 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What is to be paid for.

    Attributes:
        source: Where the count is from, in words.
        published: Actions per instance by the billing page.
        metrics: Actions per instance by the metrics page.
        instances_per_month: How many instances there are.
        peak_factor: How many times as high the rate is at its highest as on average.
    """

    source: str
    published: float
    metrics: float
    instances_per_month: float
    peak_factor: float = 1.0

    def actions_per_month(self) -> tuple[float, float]:
        """Return how many actions there are in a month, by both counts."""
        return (
            self.published * self.instances_per_month,
            self.metrics * self.instances_per_month,
        )

    def peak_rates(self) -> tuple[float, float]:
        """Return how many actions there are in a second at the peak, by both counts."""
        low, high = self.actions_per_month()
        return rate_of(low, self.peak_factor), rate_of(high, self.peak_factor)


def rate_of(actions_per_month: float, peak_factor: float) -> float:
    """Return how many actions there are in a second at the peak."""
    return actions_per_month / SECONDS_PER_MONTH * peak_factor
