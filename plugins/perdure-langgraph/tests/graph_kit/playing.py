"""Asking a graph, or its runner, one thing after another, and noting all that comes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from graph_kit.normal_form import error_as_data, normal, state_as_data

if TYPE_CHECKING:
    from graph_kit.shapes import Shape

THREAD = "a-thread"

# What is streamed at the end of a step; the rest comes as nodes finish, in no certain order.
_IN_ORDER = frozenset({"values", "checkpoints"})


async def play(shape: Shape, asked: Any) -> list[Any]:
    """Return what the turns of a shape gave: what was streamed, the state after, what was raised.

    Args:
        shape: What to ask.
        asked: A graph with a checkpointer, or a runner; both are asked in the same way.
    """
    return normal([await _turn(shape, asked, turn) for turn in shape.turns])  # type: ignore[no-any-return]  # a list


async def _turn(shape: Shape, asked: Any, turn: Any) -> dict[str, Any]:
    config = shape.config_of(THREAD)
    given = turn(await asked.aget_state(config)) if callable(turn) else turn
    chunks: list[Any] = []
    raised = None
    try:
        stream = asked.astream(
            given, config, stream_mode=list(shape.modes), subgraphs=True, **shape.options
        )
        async for namespace, mode, payload in stream:
            chunks.append([list(namespace), mode, payload])
    except Exception as error:  # noqa: BLE001 - to be compared, whatever it is
        raised = error_as_data(error)
    state = None
    if shape.has_memory:
        state = state_as_data(await asked.aget_state(config, subgraphs=True))
    return {"chunks": normal(_arranged(chunks)), "raised": raised, "state": state}


def _arranged(chunks: list[Any]) -> dict[str, list[Any]]:
    """Return chunks by mode and run of a graph; those whose order is a matter of chance sorted."""
    runs: dict[tuple[str, ...], list[Any]] = {}
    for namespace, mode, payload in chunks:
        is_asked = mode == "values" and isinstance(payload, dict) and "__interrupt__" in payload
        kind = "interrupts" if is_asked else mode
        runs.setdefault((kind, *namespace), []).append(normal(payload))
    found: dict[str, list[Any]] = {}
    for (kind, *namespace), payloads in runs.items():
        # A run of a sub-graph has a task's id in its namespace, another one each time.
        graph = "/".join(part.split(":")[0] for part in namespace)
        in_order = payloads if kind in _IN_ORDER else sorted(payloads, key=_text)
        found.setdefault(f"{graph} {kind}", []).append(in_order)
    return {key: sorted(payloads, key=_text) for key, payloads in sorted(found.items())}


def _text(payload: Any) -> str:
    return json.dumps(payload, sort_keys=True)
