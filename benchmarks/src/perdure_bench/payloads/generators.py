"""The same programs as generators, for the vendors' own SDKs; new functions at each call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure_bench.payloads.kinds import batches_of, fingerprint, text_of
from perdure_bench.payloads.probing import RUNS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence


def take(context: Any, text: str) -> str:
    """Say what came: an activity."""
    return fingerprint(text)


def give(context: Any, size: int) -> str:
    """Return a text: an activity."""
    RUNS.count += 1
    return text_of(size)


def workflows(when_all: Callable[[list[Any]], Any]) -> Sequence[Callable[..., Any]]:
    """Return the workflows.

    Args:
        when_all: The SDK's.
    """

    def workflow_input(context: Any, text: str) -> str:
        return fingerprint(text)

    def workflow_output(context: Any, size: int) -> str:
        return text_of(size)

    def activity_input(context: Any, size: int) -> Generator[Any, Any, Any]:
        return (yield context.call_activity(take, input=text_of(size)))

    def activity_output(context: Any, size: int) -> Generator[Any, Any, Any]:
        return fingerprint((yield context.call_activity(give, input=size)))

    def event(context: Any, size: int) -> Generator[Any, Any, Any]:
        return fingerprint((yield context.wait_for_external_event("go")))

    def custom_status(context: Any, size: int) -> str:
        context.set_custom_status(text_of(size))
        return ""

    def cumulative_history(context: Any, size: int) -> Generator[Any, Any, Any]:
        came = ""
        for batch in batches_of(size):
            calls = [context.call_activity(give, input=piece) for piece in batch]
            came += "".join(map(fingerprint, (yield when_all(calls))))
        return fingerprint(came)

    outer = (workflow_input, workflow_output, activity_input, activity_output)
    return (*outer, event, custom_status, cumulative_history)
