"""LangGraph's handlers of stream modes, which must listen where the model is called.

In a workflow they are among the callbacks of a run, but a node's models are called in its activity.
So they are told to the activity as data, made again there, and what they say goes back to those in
the workflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langgraph.pregel._messages import StreamMessagesHandler, StreamMessagesHandlerV2
from langgraph.pregel._tools import StreamToolCallHandler

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.callbacks import BaseCallbackHandler

Json = dict[str, Any]

_KINDS: dict[str, Any] = {
    "messages": StreamMessagesHandler,
    "messages_v2": StreamMessagesHandlerV2,
    "tools": StreamToolCallHandler,
}


def handlers_of(config: Any) -> list[Any]:
    """Return the stream handlers among the callbacks of a config."""
    callbacks = config.get("callbacks")
    given = getattr(callbacks, "handlers", callbacks) or []
    return [handler for handler in given if type(handler) in _KINDS.values()]


def described(handlers: list[Any]) -> list[Json]:
    """Return handlers as data."""
    kinds = {kind: name for name, kind in _KINDS.items()}
    return [
        {
            "kind": kinds[type(handler)],
            "subgraphs": handler.subgraphs,
            "parent_ns": list(handler.parent_ns or ()),
        }
        for handler in handlers
    ]


def made(
    descriptions: list[Json], tell: Callable[[int, tuple[Any, ...]], None]
) -> list[BaseCallbackHandler]:
    """Return the handlers of their descriptions.

    Args:
        descriptions: What :func:`described` returned.
        tell: Is called with the place of the handler and each chunk that it streams.
    """
    return [_made(it, number, tell) for number, it in enumerate(descriptions)]


def _made(
    description: Json, number: int, tell: Callable[[int, tuple[Any, ...]], None]
) -> BaseCallbackHandler:
    handler: BaseCallbackHandler = _KINDS[description["kind"]](
        lambda chunk: tell(number, chunk),
        description["subgraphs"],
        parent_ns=tuple(description["parent_ns"]),
    )
    return handler


def retell(handlers: list[Any], number: int, chunk: tuple[Any, ...]) -> None:
    """Let the handler in the workflow say what the one in the activity said."""
    if number >= len(handlers):
        return
    handler = handlers[number]
    if isinstance(handler, StreamMessagesHandler):
        message = chunk[2][0]
        # So that it is not said once more when the node's result comes by.
        handler.seen.add(getattr(message, "id", None) or "")
    handler.stream(chunk)
