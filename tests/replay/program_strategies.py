"""Strategies: random programs of the grammar, and random cases of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.replay.program_driver import EVENT_NAMES, Case

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Node = list[Any]  # as in program_machine

_DEPTH = 3
_which = st.integers(0, 1)
_slots = st.integers(0, 2)
_seconds = st.sampled_from([0, 0.5, 1, 2, 3, 7, 30])
_until = st.sampled_from(["FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"])


def _node(kind: str, *operands: SearchStrategy[Any]) -> SearchStrategy[Node]:
    return st.tuples(*operands).map(lambda values: [kind, *values])


def _weighted(*choices: tuple[SearchStrategy[Node], int]) -> SearchStrategy[Node]:
    # Not one_of(), which makes one flat list of what it is given.
    pool = [strategy for strategy, weight in choices for _ in range(weight)]
    return st.integers(0, len(pool) - 1).flatmap(pool.__getitem__)


_acts = _node("act", st.sampled_from("abc"), st.integers(1, 3))
_waits = st.one_of(
    _acts,
    _acts,
    _node("sleep", _seconds),
    _node("event", st.sampled_from(EVENT_NAMES)),
    _node("child", st.just("kid")),
)
_rest = st.one_of(
    _node("draw"),
    _node("status"),
    _node("boom"),
    _node("renew"),
    _node("bad"),
    _node("put", _which),
    _node("get", _which),
    _node("watch", _which),
    _node("notify", _which, st.integers(1, 2)),
    _node("raise_flag", _which),
    _node("await_flag", _which),
    _node("cancel", _slots),
    _node("join", _slots),
)
_leaves = _weighted((_waits, 5), (_rest, 1))


def _larger(inner: SearchStrategy[Node]) -> SearchStrategy[Node]:
    parts = st.lists(inner, min_size=2, max_size=4)
    return st.one_of(
        _node("seq", parts),
        _node("try", inner, inner, inner),
        _node("defy", inner, inner),
        _node("spawn", _slots, inner),
        _node("generate", st.integers(1, 3), inner, inner),
        _node("deepen", inner),
        _node("gather", parts, st.booleans()),
        _node("gathers", parts),
        _node("again", parts),
        _node("group", parts, inner),
        _node("wait", parts, _until, st.booleans()),
        _node("completed", parts, st.none() | _seconds),
        _node("timeout", _seconds, inner),
        _node("wait_for", _seconds, inner),
        _node("shield", inner),
        _node("lock", _which, inner),
        _node("semaphore", _which, inner),
    )


def _nodes(depth: int) -> SearchStrategy[Node]:
    if depth == 0:
        return _leaves
    inner = _nodes(depth - 1)
    return _weighted((inner, 1), (_larger(inner), 2))


_bodies = st.lists(_nodes(_DEPTH), min_size=1, max_size=5)
# Mostly side by side, where an error of one leaves the others: so that much happens.
programs = _weighted((_node("gather", _bodies, st.just(True)), 3), (_node("seq", _bodies), 1))
cases = st.builds(
    lambda program, choices: Case(program=program, choices=choices),
    programs,
    st.lists(st.integers(0, 9_999), max_size=40),
)
