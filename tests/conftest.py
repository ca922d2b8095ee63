"""What all tests share."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, settings

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
