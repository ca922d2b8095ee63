"""How a thread answers a request: it runs its graph, or reads or changes the graph's state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure_langgraph.failures import told
from perdure_langgraph.serde import decode, encode

if TYPE_CHECKING:
    from langgraph.pregel import Pregel

    from perdure_langgraph.requests import Json

    Graph = Pregel[Any, Any, Any, Any]


async def answer(graph: Graph, request: Json) -> Json:
    """Return what ``request`` gives: a value, or the error that the graph raised."""
    try:
        value, chunks = await _HANDLERS[request["kind"]](graph, request)
    except Exception as err:  # noqa: BLE001 - whatever it is, whoever asked is told
        return {"kind": "error", "error": told(err)}
    reply: Json = {"kind": "value", "value": encode(value, what="the result of a graph")}
    if chunks:
        reply["chunks"] = encode(chunks, what="what a graph streams")
    return reply


async def _run(graph: Graph, request: Json) -> tuple[Any, list[Any]]:
    config = decode(request["config"])
    options: Json = decode(request["options"])
    modes = request["modes"]
    chunks: list[Any] = []
    value: Any = None
    # As ainvoke does, which takes the last of the values; interrupts come as updates.
    wanted = [*modes, *(mode for mode in ("values", "updates") if mode not in modes)]
    interrupts: list[Any] = []
    stream = graph.astream(decode(request["input"]), config, stream_mode=wanted, **options)
    chunk: Any
    async for chunk in stream:
        mode, payload = chunk[-2:]
        is_root = len(chunk) == 2 or chunk[0] == ()
        if mode in modes:
            chunks.append(list(chunk))
        if mode == "updates" and is_root and (found := payload.get("__interrupt__")) is not None:
            interrupts.extend(found)
        elif mode == "values" and is_root:
            value = payload
    if interrupts and isinstance(value, dict):
        value = {**value, "__interrupt__": interrupts}
    return value, chunks


async def _get_state(graph: Graph, request: Json) -> tuple[Any, list[Any]]:
    snapshot = await graph.aget_state(decode(request["config"]), **decode(request["options"]))
    return _plain(snapshot), []


async def _get_history(graph: Graph, request: Json) -> tuple[Any, list[Any]]:
    options = decode(request["options"])
    history = graph.aget_state_history(decode(request["config"]), **options)
    return [_plain(snapshot) async for snapshot in history], []


async def _update_state(graph: Graph, request: Json) -> tuple[Any, list[Any]]:
    options = decode(request["options"])
    config = await graph.aupdate_state(
        decode(request["config"]), decode(request["input"]), **options
    )
    return config, []


def _plain(snapshot: Any) -> Json:
    """Return a ``StateSnapshot`` as the fields that it is made of again."""
    data = snapshot._asdict()
    data["tasks"] = [_plain_task(task) for task in snapshot.tasks]
    return dict(data)


def _plain_task(task: Any) -> Json:
    data = task._asdict() if hasattr(task, "_asdict") else vars(task)
    state = data.get("state")
    if hasattr(state, "tasks"):
        data = {**data, "state": {"snapshot": _plain(state)}}
    if isinstance(data.get("error"), Exception):
        data = {**data, "error": told(data["error"])}
    return dict(data)


_HANDLERS = {
    "run": _run,
    "get_state": _get_state,
    "get_history": _get_history,
    "update_state": _update_state,
}
