"""The activity in which the user's own checkpointer is called."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

from perdure.framework import run_in_thread
from perdure_langgraph.errors import NoCheckpointerError
from perdure_langgraph.serde import decode, encode

if TYPE_CHECKING:
    from perdure_langgraph.catalogue import Catalogue

CHECKPOINTER_ACTIVITY = "graph.checkpointer"

Json = dict[str, Any]


async def run_checkpointer(catalogue: Catalogue, request: Json) -> str:
    """Return what a method of the graph's checkpointer returns.

    Raises:
        GraphNotRegisteredError: This app does not have the graph.
        NoCheckpointerError: The graph has no checkpointer here.
    """
    saver = catalogue.find_graph(request["graph"]).checkpointer
    if not isinstance(saver, BaseCheckpointSaver):
        raise NoCheckpointerError(graph=request["graph"])
    method = request["method"]
    result = await _call(saver, method, decode(request["arguments"]))
    if isinstance(result, CheckpointTuple):
        result = _fields(result)
    elif method == "list":
        result = [_fields(each) for each in result]
    return encode(result, what=f"what {method} of a checkpointer returns")


def tuple_from(fields: Json) -> CheckpointTuple:
    """Return the checkpoint of its fields."""
    writes = fields["pending_writes"]
    if writes is not None:
        fields = {**fields, "pending_writes": [tuple(write) for write in writes]}
    return CheckpointTuple(**fields)


async def _call(saver: BaseCheckpointSaver[Any], method: str, arguments: Json) -> Any:
    """Call the asynchronous form of a method; where there is none, the other one in a thread."""
    try:
        if method == "list":
            return [each async for each in saver.alist(**arguments)]
        return await getattr(saver, f"a{method}")(**arguments)
    except NotImplementedError:
        plain = functools.partial(getattr(saver, method), **arguments)
        return await run_in_thread(lambda: list(plain()) if method == "list" else plain())


def _fields(found: CheckpointTuple) -> Json:
    fields = found._asdict()
    if found.pending_writes is not None:
        fields["pending_writes"] = [list(write) for write in found.pending_writes]
    return fields
