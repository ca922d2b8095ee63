"""How a thread answers a request: it runs its graph, or reads or changes the graph's state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langgraph._internal._constants import CONF, CONFIG_KEY_STRICT_RESUME
from langgraph.types import Command

from perdure_langgraph.configs import own_values
from perdure_langgraph.failures import told
from perdure_langgraph.serde import decode, encode
from perdure_langgraph.streaming.live import STREAM_KEY
from perdure_langgraph.streaming.publishing import LoopPublisher
from perdure_langgraph.threads.approving import config_to_go_on
from perdure_langgraph.threads.changed_graphs import check_nodes_are_there

if TYPE_CHECKING:
    from collections.abc import Callable

    from langgraph.pregel import Pregel
    from langgraph.types import Interrupt

    from perdure_langgraph.threads.approving import Approvers
    from perdure_langgraph.threads.requests import Json

    Graph = Pregel[Any, Any, Any, Any]


def is_of_newest(request: Json) -> bool:
    """Return whether a request needs no checkpoint but the newest ones."""
    configurable = decode(request["config"])["configurable"]
    return request["kind"] in ("run", "get_state") and "checkpoint_id" not in configurable


async def answer(graph: Graph, request: Json, approvers: Approvers) -> Json:
    """Return what ``request`` gives: a value, or the error that the graph raised."""
    chunks: list[list[Any]] = []
    try:
        if request["kind"] == "run":
            value = await _run(graph, request, chunks, approvers)
        else:
            value = await _HANDLERS[request["kind"]](graph, request)
        reply: Json = {"kind": "value", "value": encode(value, what="the result of a graph")}
    except Exception as err:  # noqa: BLE001 - whatever it is, whoever asked is told
        reply = {"kind": "error", "error": told(err)}
    if request["modes"]:
        reply["modes"] = request["modes"]
        reply["chunks"] = encode(chunks, what="what a graph streams")
    return reply


async def _run(graph: Graph, request: Json, chunks: list[list[Any]], approvers: Approvers) -> Any:
    publisher = LoopPublisher(request["reply_id"] if request["modes"] else None)

    def publish(chunk: list[Any]) -> None:
        publisher.add(len(chunks), chunk)
        chunks.append(chunk)

    config = decode(request["config"])
    if request["modes"]:
        config["configurable"][STREAM_KEY] = {"id": request["reply_id"], "modes": request["modes"]}
    given = decode(request["input"])
    if given is None or isinstance(given, Command):
        await check_nodes_are_there(graph, config)
    try:
        while True:
            value, interrupts = await _stream(graph, given, config, request, publish)
            config = config_to_go_on(config)
            answers = await approvers.answers(graph, config, interrupts)
            if not answers:
                return _with_interrupts(value, interrupts)
            given = Command(resume=answers)
    finally:
        await publisher.close()


async def _stream(
    graph: Graph, given: Any, config: Any, request: Json, publish: Callable[[list[Any]], None]
) -> tuple[Any, list[Interrupt]]:
    """Run the graph until it ends or asks; return the last of its values, and what it asks."""
    modes = request["modes"]
    if isinstance(given, Command) and isinstance(given.resume, dict):
        # An answer to a question that is not asked any more is an error here, not passed over.
        config["configurable"].setdefault(CONFIG_KEY_STRICT_RESUME, True)
    value: Any = None
    # As ainvoke does, which takes the last of the values; interrupts come as updates.
    wanted = [*modes, *(mode for mode in ("values", "updates") if mode not in modes)]
    interrupts: list[Interrupt] = []
    options: Json = decode(request["options"])
    stream = graph.astream(given, config, stream_mode=wanted, **options)
    chunk: Any
    async for chunk in stream:
        mode, payload = chunk[-2:]
        namespace = chunk[0] if len(chunk) == 3 else ()
        is_root = namespace == ()
        if mode in modes:
            publish([list(namespace), mode, payload])
        if mode == "updates" and is_root and (found := payload.get("__interrupt__")) is not None:
            interrupts.extend(found)
        elif mode == "values" and is_root:
            value = payload
    return value, interrupts


def _with_interrupts(value: Any, interrupts: list[Interrupt]) -> Any:
    if interrupts and isinstance(value, dict):
        return {**value, "__interrupt__": interrupts}
    return value


async def _get_state(graph: Graph, request: Json) -> Any:
    snapshot = await graph.aget_state(decode(request["config"]), **decode(request["options"]))
    return _plain(snapshot)


async def _get_history(graph: Graph, request: Json) -> Any:
    options = decode(request["options"])
    history = graph.aget_state_history(decode(request["config"]), **options)
    return [_plain(snapshot) async for snapshot in history]


async def _update_state(graph: Graph, request: Json) -> Any:
    options = decode(request["options"])
    return await graph.aupdate_state(decode(request["config"]), decode(request["input"]), **options)


def _plain(snapshot: Any) -> Json:
    """Return a ``StateSnapshot`` as the fields that it is made of again."""
    data = snapshot._asdict()
    data["tasks"] = [_plain_task(task) for task in snapshot.tasks]
    for name in ("config", "parent_config"):
        if data[name] is not None:
            data[name] = {**data[name], CONF: own_values(data[name].get(CONF, {}))}
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
    "get_state": _get_state,
    "get_history": _get_history,
    "update_state": _update_state,
}
