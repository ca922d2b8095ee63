"""Numbers of commands: as history has them, else such as no other attempt has had."""

from __future__ import annotations

import threading

from dapr_kit.messages import event, timestamp

from perdure_dapr.numbers import Numbers, numbering, numbers

HISTORY = [
    event("workflowStarted"),
    event("taskScheduled", id=1, name="a"),
    event("timerCreated", id=2_000_000, fireAt=timestamp(0)),
    event("childWorkflowInstanceCreated", id=3, name="c", instanceId="c"),
    event("taskScheduled", id=9, name="b"),
    event("eventRaised", name="perdure.event"),
]


def test_what_history_holds_is_numbered_as_there_in_its_order() -> None:
    known = Numbers(HISTORY)
    assert [known.for_activity() for _ in range(2)] == [1, 9]
    assert known.for_timer() == 2_000_000


def test_what_history_lacks_is_numbered_as_in_no_other_attempt() -> None:
    attempts = [Numbers(HISTORY[:2]) for _ in range(50)]
    first = set()
    for attempt in attempts:
        assert attempt.for_activity() == 1
        first.add(attempt.for_activity())
    assert len(first) == 50
    assert all(2**20 <= number < 2**31 for number in first)


def test_numbers_grow_in_the_order_of_asking_and_stay_within_31_bits() -> None:
    new = Numbers(HISTORY)
    known = [new.for_activity(), new.for_activity(), new.for_timer()]
    asked = [new.for_activity() if at % 2 else new.for_timer() for at in range(1_000)]
    assert asked == sorted(set(asked))
    assert asked[0] > max(known)
    full = Numbers([event("taskScheduled", id=2**31 - 5, name="a")])
    full.for_activity()
    assert 2**31 - 5 < full.for_timer() < 2**31


def test_each_thread_has_those_of_what_it_executes() -> None:
    other: list[int] = []
    with numbering(HISTORY):
        thread = threading.Thread(target=lambda: other.append(numbers().for_activity()))
        thread.start()
        thread.join()
        assert numbers().for_activity() == 1
    assert other[0] >= 2**20
    assert numbers().for_activity() >= 2**20
