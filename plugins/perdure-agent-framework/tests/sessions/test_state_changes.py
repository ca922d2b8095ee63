"""Changes of a state: applied to the old one they give the new one, and they are small."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from perdure_agent_framework.sessions.state_changes import apply_changes, changes

values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=12,
)


@given(old=values, new=values)
def test_changes_applied_to_the_old_value_give_the_new_one(old: Any, new: Any) -> None:
    before = json.dumps(old)
    change = json.loads(json.dumps(changes(old, new)))
    # As text: to Python 1, 1.0 and True are the same.
    made = json.dumps(apply_changes(old, change), sort_keys=True)
    assert made == json.dumps(new, sort_keys=True)
    assert json.dumps(old) == before


@given(value=values)
def test_nothing_changed_is_nothing_said(value: Any) -> None:
    assert changes(value, json.loads(json.dumps(value))) is None


def test_what_was_added_is_said_alone() -> None:
    old = {"state": {"messages": [{"text": "x" * 1000}], "kept": {"a": 1}}, "gone": 1}
    new = {"state": {"messages": [{"text": "x" * 1000}, {"text": "y"}], "kept": {"a": 1}}}
    assert changes(old, new) == {
        "set": {"state": {"set": {"messages": {"append": [{"text": "y"}]}}, "remove": []}},
        "remove": ["gone"],
    }
