"""What a client asks for, checked and put into the words of the SPI. No call is made here."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict

from perdure._checks import check_choice, check_timeout
from perdure._definition import Call
from perdure.errors import PayloadError
from perdure.names import check_function_name, check_instance_id
from perdure.spi.backend import InstanceFilter, StartRequest
from perdure.types import Status
from perdure.workflow import Workflow

if TYPE_CHECKING:
    from perdure.registry import Registry
    from perdure.types import IfExists

StatusFilter = Status | str | Iterable[Status | str]
"""One status or several, as members or by their values (``"running"``)."""


class StartOptions(TypedDict, total=False):
    """How an instance is started.

    Attributes:
        instance_id: Its id; made up if not given.
        start_at: Nothing runs before this instant.
        if_exists: What to do if there is an instance of that id, active or finished: ``raise``, or
            ``attach`` to it; ``replace_finished`` purges a finished one first, else raises.
        execution_timeout: How long a run may take before it fails.
        tags: What :meth:`Client.list` can filter by.
        headers: What travels along, to children and activities too.
    """

    instance_id: str | None
    start_at: datetime | None
    if_exists: IfExists
    execution_timeout: timedelta | None
    tags: Mapping[str, str] | None
    headers: Mapping[str, str] | None


class ListOptions(TypedDict, total=False):
    """Which instances are meant; everything given must hold. A ``timedelta`` is so long ago.

    Attributes:
        status: Their statuses.
        name: The name of their workflow.
        since: Created at this instant or later.
        until: Created before this instant.
        tags: Tags they all have.
        id_prefix: What their ids begin with.
    """

    status: StatusFilter | None
    name: str | None
    since: datetime | timedelta | None
    until: datetime | timedelta | None
    tags: Mapping[str, str] | None
    id_prefix: str | None


def resolve_call(
    target: object,
    args: tuple[Any, ...],
    *,
    arguments: Mapping[str, Any] | None,
    registry: Registry,
) -> tuple[str, str, Workflow[..., Any] | None]:
    """Return a workflow's name, its arguments as JSON, and the workflow itself if it is known.

    Raises:
        PayloadError: An argument cannot be stored.
        TypeError: The arguments do not fit, or ``target`` is nothing that can be started.
    """
    if isinstance(target, str):
        return _resolve_name(target, args, arguments=arguments, registry=registry)
    if arguments is not None:
        raise TypeError("arguments= goes with the name of a workflow; use .bind(…) on a workflow")
    if isinstance(target, Call):
        if args:
            raise TypeError("a bound call has its arguments already")
        return target.workflow.name, target.encode(), target.workflow
    workflow = check_workflow(target)
    return workflow.name, workflow.bind(*args).encode(), workflow


def check_workflow(target: object) -> Workflow[..., Any]:
    """Return ``target`` if it is a workflow.

    Raises:
        TypeError: It is not.
    """
    if isinstance(target, Workflow):
        return target
    label = getattr(target, "__qualname__", None) or repr(target)
    raise TypeError(
        f"a workflow is wanted here, and {label} is of type {type(target).__name__}; "
        "give a function decorated with @app.workflow, or the workflow's name"
    )


def make_start_request(*, workflow: str, arguments: str, options: StartOptions) -> StartRequest:
    """Return the request to start ``workflow``; an id is made up if none is given.

    Raises:
        InvalidInstanceIdError: Not every backend can take the id.
        PayloadError: A tag or a header is no text.
        TypeError: An option is of the wrong type, or there is no such option.
        ValueError: An option has a value that cannot be.
    """
    _refuse_unknown(options, StartOptions)
    instance_id = options.get("instance_id")
    start_at = options.get("start_at")
    if_exists = options.get("if_exists", "raise")
    check_choice("if_exists", if_exists, ("raise", "attach", "replace_finished"))
    return StartRequest(
        workflow=check_function_name("workflow", workflow),
        instance_id=uuid.uuid4().hex if instance_id is None else check_instance_id(instance_id),
        arguments=arguments,
        if_exists=if_exists,
        start_at=None if start_at is None else _aware("start_at", start_at),
        execution_timeout=check_timeout(options.get("execution_timeout")),
        tags=_texts("tag", options.get("tags")),
        headers=_texts("header", options.get("headers")),
    )


def make_filter(
    options: ListOptions, *, now: datetime, finished_before: datetime | timedelta | None = None
) -> InstanceFilter:
    """Return the filter that the options describe.

    Raises:
        PayloadError: A tag is no text.
        TypeError: There is no such option.
        ValueError: An unknown status, or an instant without a time zone.
    """
    _refuse_unknown(options, ListOptions)
    return InstanceFilter(
        statuses=_statuses(options.get("status")),
        name=options.get("name"),
        id_prefix=options.get("id_prefix"),
        since=_instant("since", options.get("since"), now=now),
        until=_instant("until", options.get("until"), now=now),
        finished_before=_instant("finished_before", finished_before, now=now),
        tags=_texts("tag", options.get("tags")),
    )


def _resolve_name(
    name: str, args: tuple[Any, ...], *, arguments: Mapping[str, Any] | None, registry: Registry
) -> tuple[str, str, Workflow[..., Any] | None]:
    workflow = registry.workflows.get(name)
    if workflow is not None:
        return name, workflow.bind(*args, **(arguments or {})).encode(), workflow
    if args:
        raise TypeError(
            f"workflow {name!r} is not registered in this app, so the names of its parameters are "
            "not known; give them: arguments={'parameter': value}"
        )
    from perdure.payloads import ValueConverter

    converter = ValueConverter(dict[str, Any], what=f"arguments of workflow {name!r}")
    return name, converter.encode(dict(arguments or {})), None


def _statuses(given: StatusFilter | None) -> tuple[Status, ...]:
    if given is None:
        return ()
    several = (given,) if isinstance(given, str) else tuple(given)
    for status in several:
        check_choice("status", status, tuple(known.value for known in Status))
    return tuple(Status(status) for status in several)


def _instant(option: str, value: datetime | timedelta | None, *, now: datetime) -> datetime | None:
    if value is None:
        return None
    return now - value if isinstance(value, timedelta) else _aware(option, value)


def _aware(option: str, instant: datetime) -> datetime:
    if not isinstance(instant, datetime):
        raise TypeError(f"{option} is a datetime.datetime, not {type(instant).__name__}")
    if instant.tzinfo is None:
        raise ValueError(f"{option} has no time zone; use for example datetime.now(UTC)")
    return instant


def _texts(kind: str, given: Mapping[str, str] | None) -> Mapping[str, str]:
    texts = dict(given or {})
    for name, value in texts.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            raise PayloadError(what=f"{kind} {name!r}", problem=f"must be text, got {value!r}")
    return texts


def _refuse_unknown(options: Mapping[str, Any], known: type) -> None:
    names: Mapping[str, Any] = known.__annotations__
    for name in options:
        if name not in names:
            raise TypeError(f"no option {name!r}; known: {', '.join(sorted(names))}")
