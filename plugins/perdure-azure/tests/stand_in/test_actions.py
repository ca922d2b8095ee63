"""Counting billable actions, by both of the definitions that are published."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from azure_kit.actions import schedule
from azure_kit.hub import BareWorker
from durabletask import task

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure_kit.hub import Hub

INSTANT = timedelta(milliseconds=1)


def act(_: Any, number: int) -> int:
    return number


class Flaky:
    tries = 0


def flaky(_: Any, __: Any) -> str:
    Flaky.tries += 1
    if Flaky.tries < 3:
        raise ValueError("not yet")
    return "done"


def sequence(context: Any, _: Any) -> Any:
    for number in range(3):
        yield context.call_activity(act, input=number)


def fan_out(context: Any, _: Any) -> Any:
    yield task.when_all([context.call_activity(act, input=number) for number in range(5)])


def one_timer(context: Any, _: Any) -> Any:
    yield context.create_timer(INSTANT)


def one_event(context: Any, _: Any) -> Any:
    yield context.wait_for_external_event("go")


def with_child(context: Any, _: Any) -> Any:
    yield context.call_sub_orchestrator(sequence)


def four_runs(context: Any, left: int | None) -> Any:
    left = 3 if left is None else left
    if left:
        context.continue_as_new(left - 1)


def retried(context: Any, _: Any) -> Any:
    policy = task.RetryPolicy(first_retry_interval=INSTANT, max_number_of_attempts=3)
    yield context.call_activity(flaky, retry_policy=policy)


@pytest.mark.parametrize(
    ("orchestrator", "published", "metrics"),
    [
        (sequence, 7, 7),
        (fan_out, 11, 11),
        (one_timer, 2, 3),
        (with_child, 9, 9),
        (four_runs, 4, 4),
        (retried, 9, 11),
    ],
)
def test_patterns_cost_what_the_documents_say(
    hub: Hub, orchestrator: Callable[..., Any], published: int, metrics: int
) -> None:
    Flaky.tries = 0
    with hub.worker(*{orchestrator, sequence}, activities=(act, flaky)):
        hub.finished(hub.client.schedule_new_orchestration(orchestrator))
    counted = hub.actions()
    assert (counted["published"], counted["metrics"]) == (published, metrics)


def test_messages_of_clients_cost_one_each(hub: Hub) -> None:
    with hub.worker(one_event):
        instance = hub.client.schedule_new_orchestration(one_event)
        hub.client.suspend_orchestration(instance)
        hub.client.resume_orchestration(instance)
        hub.client.raise_orchestration_event(instance, "go")
        hub.finished(instance)
        other = hub.client.schedule_new_orchestration(one_event)
        hub.client.terminate_orchestration(other)
        hub.finished(other)
    counted = hub.actions()
    assert counted["published"] == 4 + 2
    kinds = {name: count for name, count in counted["kinds"].items() if count}
    assert kinds == {
        "orchestration_starts": 2,
        "suspends": 1,
        "resumes": 1,
        "events": 1,
        "terminates": 1,
    }


def test_work_that_is_delivered_again_counts_once(hub: Hub) -> None:
    hub.start()
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), schedule(1))
        worker.next()
    with BareWorker(hub) as worker:
        worker.give(worker.next())
        worker.complete(worker.next())
    assert hub.actions()["published"] == 3


def test_counts_can_be_reset(hub: Hub) -> None:
    hub.start()
    assert hub.server.admin(f"/actions/reset?hub={hub.name}", method="POST")["published"] == 0
    assert hub.actions()["metrics"] == 0
