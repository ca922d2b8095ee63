"""The ids of sessions and turns: every backend takes them, and no two are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.names import check_instance_id
from perdure_agent_framework.sessions.ids import (
    session_instance_id,
    turn_instance_id,
    turns_prefix,
)

given_ids = st.text(st.characters(), min_size=1, max_size=80)


@given(name=given_ids, session_id=given_ids, message_id=given_ids)
def test_any_ids_give_ids_that_every_backend_takes(
    name: str, session_id: str, message_id: str
) -> None:
    session = session_instance_id(name, session_id)
    turn = turn_instance_id(session, message_id)
    assert check_instance_id(session) == session
    assert check_instance_id(turn) == turn
    assert turn.startswith(turns_prefix(session))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "b-c"), ("a-b", "c")),
        (("a", "x" * 100), ("a", "x" * 101)),
        (("a", "é"), ("a", "è")),
        (("a", "b c"), ("a", "b_c")),
        (("a", "Customer"), ("a", "customer")),
        (("1:a", "b"), ("1", ":ab")),
        (("a" * 40, "a" * 10), ("a" * 41, "a" * 9)),
    ],
)
def test_ids_that_look_alike_are_told_apart(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert session_instance_id(*one) != session_instance_id(*other)
    assert turn_instance_id(*one) != turn_instance_id(*other)


def test_an_id_says_what_it_is_of() -> None:
    assert session_instance_id("support", "customer-17").startswith("support-customer-17-")


def test_ids_do_not_change_between_versions() -> None:
    # A conversation is found by its id for as long as it lives.
    session = session_instance_id("support", "customer-17")
    assert session == "support-customer-17-a2222f30cc0c061be5b5c61703383ce7"
    assert (
        turn_instance_id(session, "m-1")
        == "t-931c99c1602a5fd1-m-1-1aff6db2e4ca85e372787c1304f8c2ec"
    )
