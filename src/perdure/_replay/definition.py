"""What the layers above hand to the replay core.

Code to run and calls to make, all payloads JSON text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from datetime import datetime, timedelta

    from perdure.types import Delivery, OnParentEnd, ParentLink, RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowDefinition:
    """A workflow's code, without its types.

    Attributes:
        run: Takes the arguments (a JSON object by parameter name), gives the coroutine that returns
            the result as JSON text.
        patches: What ``patched`` may be asked for; stamped into each run as it begins.
    """

    name: str
    run: Callable[[str], Coroutine[Any, Any, str]]
    patches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityCall:
    """An activity to run.

    ``encode`` gives the arguments; it is not called where history already has them.
    """

    name: str
    encode: Callable[[], str]
    retry: RetryPolicy
    timeout: timedelta | None = None
    delivery: Delivery = "at_least_once"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildCall:
    """A child workflow to start; without an id it gets one made of the parent's."""

    workflow: str
    encode: Callable[[], str]
    instance_id: str | None = None
    on_parent_end: OnParentEnd = "terminate"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """What a workflow may know of the run it is."""

    instance_id: str
    run_id: str
    workflow: str
    started_at: datetime
    tags: Mapping[str, str]
    headers: Mapping[str, str]
    parent: ParentLink | None
