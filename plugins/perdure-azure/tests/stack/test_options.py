"""What can be chosen of the stand-in, and what is refused before anything is started."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from perdure.errors import ConfigurationError
from perdure_azure.stack import AzureStackKind, StackOptions
from perdure_azure.stack.durations import go_duration, read_duration


def test_the_declared_options_are_the_fields_with_their_defaults() -> None:
    declared = {option.name: option.default for option in AzureStackKind().options}
    assert declared == StackOptions().as_given()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"hubs": ""}, "--hubs: must be names of 3 to 64 letters, digits and '-', as in a,b"),
        ({"hubs": "ab"}, "--hubs: must be names of 3 to 64"),
        ({"hubs": "trips, tours"}, "--hubs: must be names of 3 to 64"),
        ({"hubs": "../trips"}, "--hubs: must be names of 3 to 64"),
        ({"hubs": "trips,Trips"}, "--hubs: must be names that differ"),
        ({"sku": "premium"}, "--sku: must be one of consumption, dedicated"),
        ({"units": 0}, "--units: must be a number from 1 to 3"),
        ({"units": 4}, "--units: must be a number from 1 to 3"),
        ({"sku": "consumption", "units": 2}, "--units: must be left out for consumption"),
        ({"throttle": "yes"}, "--throttle: must be one of on, off"),
        ({"actions_per_second": -1}, "--actions-per-second: must be 0 or more"),
        ({"round_trip": "far"}, "--round-trip: must be same-region, cross-region, other-cloud or"),
        ({"round_trip": "11s"}, "--round-trip: must be same-region"),
        ({"retention": "long"}, "--retention: must be a time such as 720h"),
        ({"retention": "91d"}, "--retention: must be a time such as 720h, at most 90d for dedic"),
        (
            {"sku": "consumption", "retention": "721h"},
            "--retention: must be a time such as 720h, at most 30d for consumption",
        ),
        ({"log_level": "loud"}, "--log-level: must be one of debug"),
        ({"tls": "yes"}, "--tls: must be of type bool"),
        ({"colour": "red"}, "--colour: must be one of hubs"),
    ],
)
def test_what_the_stand_in_would_refuse_is_refused_first(
    given: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        StackOptions.from_given(given)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("same-region", timedelta(milliseconds=1)),
        ("cross-region", timedelta(milliseconds=30)),
        ("other-cloud", timedelta(milliseconds=80)),
        ("5ms", timedelta(milliseconds=5)),
        ("2s", timedelta(seconds=2)),
        ("0", timedelta()),
    ],
)
def test_a_round_trip_has_a_name_or_is_a_time(text: str, delay: timedelta) -> None:
    assert StackOptions(round_trip=text).delay == delay


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("30d", timedelta(days=30)),
        ("720h", timedelta(days=30)),
        ("5m", timedelta(minutes=5)),
        ("", None),
        ("5", None),
        ("-5s", None),
        ("1.5s", None),
        ("٣s", None),
    ],
)
def test_only_whole_times_with_a_unit_are_read(text: str, duration: timedelta | None) -> None:
    assert read_duration(text) == duration


def test_go_reads_days_as_it_knows_them() -> None:
    # Go has no days.
    assert go_duration(timedelta(days=30)) == "2592000000ms"
