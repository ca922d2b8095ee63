"""What all tests share: how far property tests look, and that a soak runs them all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

from tests.soak import IS_SOAK

# Derandomised, a failure in CI is a failure here too; the soak looks further and prints how to
# repeat what it finds.
settings.register_profile("usual", derandomize=True, deadline=None, database=None, max_examples=100)
settings.register_profile(
    "soak",
    deadline=timedelta(minutes=1),
    print_blob=True,
    max_examples=5_000,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("soak" if IS_SOAK else "usual")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the property tests for the soak, and give them its time."""
    for item in items:
        if is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker(pytest.mark.soak)
            if IS_SOAK:
                item.add_marker(pytest.mark.timeout(3_600))
