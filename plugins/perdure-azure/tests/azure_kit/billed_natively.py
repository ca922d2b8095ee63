"""Programs of Microsoft's SDK whose actions are counted; each has its twin of perdure's."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from durabletask import task

if TYPE_CHECKING:
    from collections.abc import Callable

    Program = tuple[Callable[..., Any], Callable[[Any, str], None] | None]

INSTANT: Final = timedelta(milliseconds=1)
LONG: Final = timedelta(hours=1)


class Flaky:
    """How often the activity that fails was tried."""

    tries = 0


def act(_: Any, number: int) -> int:
    """Give the number back."""
    return number


def flaky(_: Any, __: Any) -> str:
    """Work the third time."""
    Flaky.tries += 1
    if Flaky.tries < 3:
        raise ValueError("not yet")
    return "done"


def sequence(context: Any, _: Any) -> Any:
    """Run three activities."""
    for number in range(3):
        yield context.call_activity(act, input=number)


def fan_out(context: Any, _: Any) -> Any:
    """Run five at once."""
    yield task.when_all([context.call_activity(act, input=number) for number in range(5)])


def one_timer(context: Any, _: Any) -> Any:
    """Wait for a moment."""
    yield context.create_timer(INSTANT)


def one_event(context: Any, _: Any) -> Any:
    """Wait for an event."""
    yield context.wait_for_external_event("go")


def with_child(context: Any, _: Any) -> Any:
    """Have a child run the sequence."""
    yield context.call_sub_orchestrator(sequence)


def with_named_child(context: Any, _: Any) -> Any:
    """Have a child run it under an id of its own."""
    yield context.call_sub_orchestrator(sequence, instance_id=f"{context.instance_id}-child")


def retried(context: Any, _: Any) -> Any:
    """Run what fails twice."""
    policy = task.RetryPolicy(first_retry_interval=INSTANT, max_number_of_attempts=3)
    yield context.call_activity(flaky, retry_policy=policy)


def four_runs(context: Any, left: int | None) -> Any:
    """Begin anew three times."""
    left = 3 if left is None else left
    if left:
        context.continue_as_new(left - 1)


def with_deadlines(context: Any, _: Any) -> Any:
    """Run twenty activities, each against a timer."""
    for number in range(20):
        deadline = context.create_timer(LONG)
        yield task.when_any([context.call_activity(act, input=number), deadline])
        deadline.cancel()


def _raise_event(client: Any, instance: str) -> None:
    client.raise_orchestration_event(instance, "go")


def _hold(client: Any, instance: str) -> None:
    client.suspend_orchestration(instance)
    client.resume_orchestration(instance)
    client.raise_orchestration_event(instance, "go")


def _end(client: Any, instance: str) -> None:
    client.terminate_orchestration(instance)


PROGRAMS: Final[dict[str, Program]] = {
    "sequence": (sequence, None),
    "fan_out": (fan_out, None),
    "one_timer": (one_timer, None),
    "one_event": (one_event, _raise_event),
    "with_child": (with_child, None),
    "retried": (retried, None),
    "four_runs": (four_runs, None),
    "held": (one_event, _hold),
    "ended": (one_event, _end),
    "patched_sequence": (sequence, None),
    "with_named_child": (with_named_child, None),
    "with_deadlines": (with_deadlines, None),
}
ORCHESTRATORS: Final = tuple({program for program, _ in PROGRAMS.values()})
ACTIVITIES: Final = (act, flaky)
