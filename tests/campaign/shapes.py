"""The workflows of a campaign: those of the embedded engine's, and what only a server makes risky.

Each returns what it saw; :func:`problem_with` says what is wrong with that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import perdure
from tests.crash import shapes as common
from tests.crash.shapes import chain, work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

app: Final = common.app
NUMBERS: Final = 6
LISTENER: Final = "hearer"
CAREFUL: Final = "careful"
FOUNDER: Final = "founder"
_STEPS: Final = 5


@app.workflow
async def hearer(name: str) -> list[int]:
    """Take numbers until the last has come, and work on each; a client may have sent one twice."""
    heard: list[int] = []
    done: list[str] = []
    while NUMBERS not in heard:
        heard.append(await perdure.wait_for_event("number", int))
        done.append(await work(f"{name}/{len(heard)}", list(done), 5))
    return heard


@app.workflow
async def teller(name: str) -> list[str]:
    """Show how far it is at each step."""
    done: list[str] = []
    for number in range(_STEPS):
        perdure.set_custom_status(f"{name} at {number}")
        done.append(await work(f"{name}/{number}", list(done), 5))
    perdure.set_custom_status(f"{name} at its end")
    return done


@app.workflow
async def ward(name: str) -> None:
    """Wait for what never comes."""
    await perdure.wait_for_event("release")
    await work(f"{name}/released", [], 5)


@app.workflow
async def founder(name: str) -> list[str]:
    """Leave one child behind that lives on, and one that ends with this workflow."""
    perdure.start_child(
        chain.bind(f"{name}/heir"), instance_id=heir_of(name), on_parent_end="abandon"
    )
    perdure.start_child(ward.bind(f"{name}/ward"), instance_id=ward_of(name))
    son = perdure.start_child(chain.bind(f"{name}/son"), instance_id=son_of(name))
    return [await work(f"{name}/first", [], 5), *await son.result()]


def son_of(founder_id: str) -> str:
    """Return the id of the child that its founder waits for."""
    return f"{founder_id}-son"


def heir_of(founder_id: str) -> str:
    """Return the id of the child that outlives its founder."""
    return f"{founder_id}-heir"


def ward_of(founder_id: str) -> str:
    """Return the id of the child that ends with its founder."""
    return f"{founder_id}-ward"


def _labels(name: str, parts: Iterable[object]) -> list[str]:
    return [f"{name}/{part}" for part in parts]


EXPECTED: Final[dict[str, Callable[[str], object]]] = {
    **{name: expected for name, expected in common.EXPECTED.items() if name != "listener"},
    "hearer": lambda _: list(range(1, NUMBERS + 1)),
    "teller": lambda n: _labels(n, range(_STEPS)),
    "founder": lambda n: [f"{n}/first", *_labels(f"{n}/son", range(8))],
}
"""What an instance of each workflow must return, by its name."""


def family_of(workflow: str, instance_id: str) -> list[str]:
    """Return the ids to look at where an instance went wrong."""
    children = (son_of, heir_of, ward_of) if workflow == FOUNDER else ()
    return [instance_id, *(child(instance_id) for child in children)]


def start_arguments(workflow: str, name: str) -> dict[str, object]:
    """Return what to start ``workflow`` with."""
    return common.start_arguments(workflow, name)


def problem_with(workflow: str, name: str, result: Any, *, doubtful: Iterable[int] = ()) -> str:
    """Return what is wrong with what an instance returned; empty if nothing is.

    Args:
        workflow: Which workflow it was.
        name: The name that it was started with.
        result: What it returned.
        doubtful: The numbers that were sent again because nobody knew whether they had arrived.
    """
    expected = EXPECTED[workflow](name)
    if workflow == LISTENER and isinstance(result, list):
        return _problem_with_numbers(result, set(doubtful))
    if workflow == CAREFUL and isinstance(result, list):
        # A kill in the middle of an at-most-once activity leaves its outcome unknown, and says so.
        result = [str(label).rstrip("?") for label in result]
    return "" if result == expected else f"{result!r} is not {expected!r}"


def _problem_with_numbers(heard: list[int], doubtful: set[int]) -> str:
    if list(dict.fromkeys(heard)) != list(range(1, NUMBERS + 1)):
        return f"heard {heard}, which is not each number in its order"
    twice = {number for number in heard if heard.count(number) > 1}
    return f"heard {sorted(twice - doubtful)} twice, sent once" if twice - doubtful else ""
