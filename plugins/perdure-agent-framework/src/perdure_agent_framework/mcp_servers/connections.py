"""Connections of this process to MCP servers: one for each server and event loop.

They are made when they are first needed, again when they were lost, and closed when the loop ends.
"""

from __future__ import annotations

import asyncio
import copy
from contextlib import AsyncExitStack
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from agent_framework.exceptions import ToolExecutionException

import perdure
from perdure.framework import before_loop_ends
from perdure_agent_framework.errors import AgentNotRegisteredError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent_framework import FunctionTool
    from agent_framework._mcp import MCPTool

IDEMPOTENCY_KEY = "perdure/idempotency-key"
"""Where a server finds a call's idempotency key, in the ``_meta`` of the request."""

may_resend: ContextVar[bool] = ContextVar("perdure_mcp_may_resend", default=True)
"""Whether a call that got no answer because its connection was lost may be sent again."""

# What an MCPTool knows of its connection, as it is before there is one; HTTP's own at the end.
_UNCONNECTED: dict[str, Callable[[], Any]] = {
    "_exit_stack": AsyncExitStack,
    "_lifecycle_lock": asyncio.Lock,
    "_lifecycle_request_lock": asyncio.Lock,
    "_function_load_lock": asyncio.Lock,
    "_lifecycle_queue": lambda: None,
    "_lifecycle_owner_task": lambda: None,
    "_connection": lambda: None,
    "_functions": list,
    "_progressive_loaded_tool_names": set,
    "_tool_call_meta_by_name": dict,
    "_tool_param_names_by_name": dict,
    "_pending_reload_tasks": set,
    "_capability_list_subscription_task": lambda: None,
    "is_connected": bool,
}
_UNCONNECTED_HTTP: dict[str, Callable[[], Any]] = {
    "_active_call_headers": lambda: None,
    "_connection_kwargs": lambda: None,
    "_session_headers": lambda: None,
    "_session_header_identity": lambda: None,
    "_session_header_session": lambda: None,
    "_pending_session_headers": lambda: None,
    "_pending_connection_kwargs": lambda: None,
    "_call_headers_lock": asyncio.Lock,
    "_header_request_owner": object,
    "_header_hook_client": lambda: None,
}

_by_loop: dict[asyncio.AbstractEventLoop, dict[MCPTool, ServerConnection]] = {}


def connection_to(server: MCPTool) -> ServerConnection:
    """Return the connection of the running loop to a server; it may not be made yet."""
    loop = asyncio.get_running_loop()
    if loop not in _by_loop:
        # A connection knows its loop, so weak keys would never be let go.
        for gone in [known for known in _by_loop if known.is_closed()]:
            del _by_loop[gone]
        before_loop_ends(close_connections)
    known = _by_loop.setdefault(loop, {})
    if server not in known:
        known[server] = ServerConnection(server)
    return known[server]


async def close_connections() -> None:
    """Close the connections of the running loop. What calls a server again connects again."""
    known = _by_loop.pop(asyncio.get_running_loop(), {})
    await asyncio.gather(*(connection.close() for connection in known.values()))


class ServerConnection:
    """A connection to one server."""

    def __init__(self, server: MCPTool) -> None:
        self._is_owned = not _is_users_own(server)
        self._server = _unconnected(server) if self._is_owned else server
        self._lock = asyncio.Lock()
        self._calls = 0
        self._is_lost = False

    async def functions(self, keywords: Mapping[str, Any]) -> list[FunctionTool]:
        """Return what the server offers now.

        Args:
            keywords: What headers may be made of.

        Raises:
            Exception: The server cannot be reached, or says no.
        """
        async with self._lock:
            if not await self._is_new(keywords):
                await self._is_renewed()
            return list(self._server.functions)

    async def function(self, name: str, keywords: Mapping[str, Any]) -> FunctionTool:
        """Return a function of that name; it is called on this connection.

        Raises:
            AgentNotRegisteredError: The server does not have it, or has it no more.
            Exception: The server cannot be reached.
        """
        async with self._lock:
            is_new = await self._is_new(keywords)
            if not (is_new or may_resend.get()):
                # What is sent once only is not to be sent to a server that is gone.
                is_new = await self._is_renewed()
            found = _named(name, self._server.functions)
            if found is None and not is_new:
                found = _named(name, await self._asked_again())
        if found is None:
            names = [it.name for it in self._server.functions]
            kind = f"tool of MCP server {self._server.name!r} called"
            raise AgentNotRegisteredError(kind=kind, name=name, known=names)
        made = copy.copy(found)
        made._invoke_function = partial(self._called, found)  # type: ignore[method-assign]
        return made

    async def close(self) -> None:
        """Close the connection, unless it is the user's own."""
        if self._is_owned:
            await self._server.close()

    async def _called(self, function: FunctionTool, call_kwargs: Mapping[str, Any]) -> Any:
        context = call_kwargs[function._context_parameter_name or ""]
        key = {IDEMPOTENCY_KEY: perdure.current_activity().idempotency_key}
        context.kwargs["_meta"] = {**(context.kwargs.get("_meta") or {}), **key}
        self._calls += 1
        try:
            return await function._invoke_function(call_kwargs)
        except Exception as err:
            if not (self._is_owned and _is_loss(err)):
                raise
            self._is_lost = True
            if not may_resend.get():
                raise _unknown(self._server) from err
        finally:
            self._calls -= 1
        # As the framework itself does, where it notices.
        async with self._lock:
            await self._is_new(context.kwargs)
        return await function._invoke_function(call_kwargs)

    async def _is_new(self, keywords: Mapping[str, Any]) -> bool:
        """Connect if need be; return whether the server was asked what it offers in doing so."""
        server = self._server
        await server._prepare_for_run(keywords)
        if server.is_connected and not self._is_lost:
            # A server that is at work on a call may be too busy to say that it is there.
            if not self._calls:
                await server._ensure_connected()
            return False
        await server.connect(reset=self._is_lost)
        self._is_lost = False
        await server._prepare_for_run(keywords)
        return True

    async def _is_renewed(self) -> bool:
        """Ask the server what it offers, as a sign of life; return ``True``."""
        try:
            await self._asked_again()
        except Exception as err:
            if not (self._is_owned and _is_loss(err)):
                raise
            await self._server.connect(reset=True)
        return True

    async def _asked_again(self) -> list[FunctionTool]:
        server = self._server
        # Else the framework keeps what it has of a tool, though its parameters are others now.
        server._functions.clear()
        if server.load_tools_flag:
            await server.load_tools()
        if server.load_prompts_flag:
            await server.load_prompts()
        return list(server.functions)


def _named(name: str, functions: list[FunctionTool]) -> FunctionTool | None:
    return next((it for it in functions if it.name == name), None)


def _is_users_own(server: MCPTool) -> bool:
    """Return whether the connection was made by the user, on this loop, or cannot be made here."""
    connection = server._connection
    if connection is not None and not connection.is_framework_owned:
        return True
    owner = server._lifecycle_owner_task
    return owner is not None and owner.get_loop() is asyncio.get_running_loop()


def _unconnected(server: MCPTool) -> MCPTool:
    """Return a copy of a server's object that has a connection of its own, and closes it."""
    made = copy.copy(server)
    names = vars(made)
    names.pop("_inject_headers_hook", None)  # it is bound to the original
    for name, fresh in {**_UNCONNECTED, **_UNCONNECTED_HTTP}.items():
        if name in names:
            names[name] = fresh()
    made._reset_session_state()
    names["_run_lifecycle_owner"] = partial(_own, made)
    names["_recover_connection_after_loss"] = partial(_recover, made)
    return made


async def _own(server: MCPTool) -> None:
    """Own the connection as the framework does, but close it when the loop ends.

    A transport must be closed by the task that opened it, and that is this one.
    """
    try:
        await type(server)._run_lifecycle_owner(server)
    finally:
        if server.is_connected:
            await server._close_on_owner()


async def _recover(server: MCPTool, *, operation: str, **details: Any) -> None:
    if operation == "tool call" and not may_resend.get():
        raise _unknown(server)
    await type(server)._recover_connection_after_loss(server, operation=operation, **details)


def _unknown(server: MCPTool) -> ToolExecutionException:
    return ToolExecutionException(
        f"Whether this call took place is unknown: the connection to MCP server {server.name!r} "
        "was lost before it answered. Find out before calling it again."
    )


def _is_loss(error: BaseException | None) -> bool:
    """Return whether a connection that has ended is behind an error."""
    # Only here: the framework itself does without mcp until a server is connected to.
    from anyio import BrokenResourceError, ClosedResourceError
    from mcp import MCPError
    from mcp.types import CONNECTION_CLOSED

    while error is not None:
        if isinstance(error, MCPError) and error.error.code == CONNECTION_CLOSED:
            return True
        if isinstance(error, ClosedResourceError | BrokenResourceError):
            return True
        error = error.__cause__
    return False
