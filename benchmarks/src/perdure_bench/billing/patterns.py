"""The patterns whose actions are counted: what both sides do, and how they are driven."""

from __future__ import annotations

from typing import Any, Final, Protocol

PATTERNS: Final = {
    "sequence of 3": "sequence",
    "fan-out of 5": "fan_of_five",
    "timer": "one_timer",
    "20 timeouts around 20 calls": "with_deadlines",
    "activity that fails twice": "retried",
    "event": "one_event",
    "child with 3 activities": "with_child",
    "child with an id of its own": "with_named_child",
    "continue-as-new, 3 times": "four_runs",
    "suspend, resume, event": "held",
    "terminate": "ended",
}
"""The name of each pattern for people, and that of its workflow or of what is done to one."""

WAITING: Final = ("one_event", "held", "ended")
"""Of these the workflow is ``one_event``, which waits for an event."""

COUNT_TO: Final = 20
RETRY_SECONDS: Final = 0.001
LONG_SECONDS: Final = 3_600
DRIVE_SECONDS: Final = 30.0


class Flaky:
    """An activity that fails twice for each instance."""

    def __init__(self) -> None:
        self._tries = 0

    def run(self) -> str:
        """Work each third time.

        Raises:
            ValueError: It is another time.
        """
        self._tries += 1
        if self._tries % 3:
            raise ValueError("not yet")
        return "done"


class Driver(Protocol):
    """What is done to an instance from outside."""

    async def raise_event(self, instance_id: str) -> None:
        """Raise the event that it waits for."""

    async def suspend(self, instance_id: str) -> None:
        """Put it on hold."""

    async def resume(self, instance_id: str) -> None:
        """Lift the hold."""

    async def terminate(self, instance_id: str) -> None:
        """End it by force."""


def workflow_of(program: str) -> str:
    """Return the name of the workflow of a program."""
    return "one_event" if program in WAITING else program


async def drive(driver: Driver, program: str, instance_id: str) -> None:
    """Do to an instance what its program says."""
    if program == "ended":
        await driver.terminate(instance_id)
    elif program == "held":
        await driver.suspend(instance_id)
        await driver.resume(instance_id)
    if program in ("one_event", "held"):
        await driver.raise_event(instance_id)


def order_of(order: dict[str, Any]) -> tuple[str, str]:
    """Return the program and the instance of an order."""
    return str(order["program"]), str(order["id"])
