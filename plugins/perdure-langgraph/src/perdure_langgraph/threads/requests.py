"""What a client asks of a thread: JSON that goes by an event, and whose answer has an id."""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from langgraph.types import StreamMode

from perdure import event_type
from perdure_langgraph.configs import check_nothing_is_readable
from perdure_langgraph.errors import StreamModesError
from perdure_langgraph.failures import raised
from perdure_langgraph.in_workflows import check_no_callbacks
from perdure_langgraph.serde import decode, encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.runnables import RunnableConfig

Json = dict[str, Any]
Kind = Literal["run", "get_state", "get_history", "update_state"]

REQUEST = event_type("graph.request", Json)
CANCEL = event_type("graph.cancel", Json)
CLOSE = event_type("graph.close", Json)

_OPTIONS = frozenset(
    {
        *("context", "debug", "durability", "interrupt_after", "interrupt_before"),
        *("output_keys", "subgraphs", "version"),
        *("as_node", "before", "filter", "limit"),  # of questions about the state
    }
)

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,40}")
_DIGITS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Something asked of a thread.

    Attributes:
        graph: The graph.
        instance_id: The instance that is the thread.
        event: What the thread is sent.
    """

    graph: str
    instance_id: str
    event: Json

    def value_of(self, outcome: Json) -> Any:
        """Return what the outcome of the request gives.

        Raises:
            asyncio.CancelledError: The request was cancelled.
            Exception: The graph raised it.
        """
        if outcome["kind"] == "cancelled":
            raise asyncio.CancelledError(
                f"request {self.event['request_id']!r} of graph {self.graph!r} was cancelled"
            )
        if outcome["kind"] == "error":
            raise raised(outcome, node=self.graph)
        return decode(outcome["value"])

    def check_modes(self, outcome: Json) -> None:
        """Check that the answer has what was asked for now.

        Raises:
            StreamModesError: It was asked before, in other stream modes.
        """
        modes, asked = outcome.get("modes", []), self.event["modes"]
        if modes != asked and outcome["kind"] != "cancelled":
            request_id = self.event["request_id"]
            raise StreamModesError(request_id=request_id, modes=modes, asked=asked)


def make_request(
    graph: str,
    kind: Kind,
    *,
    config: RunnableConfig | None,
    options: Json,
    thread_id: str | None = None,
    input: Any = None,
    request_id: str | None = None,
    modes: Sequence[str] = (),
) -> Request:
    """Return a request to a thread of ``graph``.

    Raises:
        CallbacksInWorkflowError: Callbacks are in the config.
        TypeError: The thread's id, or the request's, is no string; or an option is not known.
        UnserializableStateError: Something that is given cannot be stored.
    """
    whole: dict[str, Any] = dict(config or {})
    check_no_callbacks(whole)
    configurable = dict(whole.get("configurable") or {})
    check_nothing_is_readable(configurable)
    thread = _checked_id("thread_id", thread_id, configurable.get("thread_id"))
    request = _checked_id("request_id", request_id)
    _check_options(options)
    instance_id = thread_instance_id(graph, thread)
    whole["configurable"] = {**configurable, "thread_id": thread}
    event = {
        "kind": kind,
        "request_id": request,
        "reply_id": reply_instance_id(instance_id, request),
        "input": encode(input, what="the input of a graph"),
        "config": encode(whole, what="the config of a run"),
        "options": encode(dict(options), what="the options of a run"),
        "modes": list(modes),
    }
    return Request(graph=graph, instance_id=instance_id, event=event)


def thread_instance_id(graph: str, thread_id: str) -> str:
    """Return the id of the instance that is the thread; two threads never share one.

    What is not of letters, digits, ``_`` and ``-``, or is too long, is told apart by its hash.
    """
    digest = _hash(graph, thread_id)
    readable = thread_id if _PLAIN.fullmatch(thread_id) else "thread"
    return f"{readable}-{digest}"


def reply_instance_id(thread: str, request_id: str) -> str:
    """Return the id of the instance that is the answer to a request of a thread."""
    return f"reply-{_hash(thread, request_id)}{_hash(request_id, thread)}"


def _hash(*parts: str) -> str:
    # Each part with its length, so that no two lists of parts look the same.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def as_list(value: str | Sequence[str] | None, *, default: str) -> list[str]:
    """Return stream modes as a list.

    Raises:
        ValueError: One is none of LangGraph's.
    """
    modes = [default] if value is None else [value] if isinstance(value, str) else list(value)
    known = (*get_args(StreamMode), "tools")
    for mode in modes:
        if mode not in known:
            raise ValueError(f"no stream mode {mode!r}; there are: {', '.join(known)}")
    return modes


def _checked_id(what: str, *given: Any) -> str:
    """Return the first id that was given, or a new one."""
    value = next((each for each in given if each is not None), None)
    if value is None:
        return uuid.uuid4().hex
    if not isinstance(value, str) or not value:
        raise TypeError(f"{what} is to be a string that is not empty, not {value!r}")
    return value


def _check_options(options: Json) -> None:
    if unknown := sorted(options.keys() - _OPTIONS):
        known = ", ".join(sorted(_OPTIONS))
        raise TypeError(f"a run has no option {unknown[0]!r}; there are: {known}")
