"""The golden journals pass the check that users have."""

from __future__ import annotations

import pytest

from perdure.replay_check import check_definitions
from tests.golden import workflows
from tests.sources import ROOT


@pytest.mark.golden
@pytest.mark.parametrize("strict", [False, True])
def test_the_golden_journals_replay(strict: bool) -> None:
    by_name = {definition.name: definition for definition in workflows.DEFINITIONS.values()}

    assert check_definitions(ROOT / "tests" / "golden", by_name.values(), strict=strict) == []
