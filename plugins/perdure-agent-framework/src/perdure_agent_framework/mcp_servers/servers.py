"""MCP servers in workflows: asking for their tools and calling one are activities.

The connection is the worker's. What a server offers is asked once in each run of a workflow, and
what it said then holds for that run.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agent_framework._mcp import MCPTool

from perdure.framework import call_activity, run_state
from perdure_agent_framework.errors import NotDurableError
from perdure_agent_framework.providers.remote_tools import remote_tool
from perdure_agent_framework.providers.session_copies import is_json
from perdure_agent_framework.takeover import here_of
from perdure_agent_framework.tools.places import OnWorker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent_framework import FunctionTool

    from perdure_agent_framework.catalogue import Catalogue
    from perdure_agent_framework.tools.places import Call

Json = dict[str, Any]

MCP_ACTIVITY = "agent.mcp"
MCP_TOOL = "mcp:"
"""How keys of tools begin that a server has: ``mcp:agent/server/tool``."""


def mcp_methods(base: Any) -> dict[str, Any]:
    """Return what an MCP server's object of class ``base`` does in place of its own."""
    return {
        **_preparing(base),
        **_showing(base),
        "call_tool": _refused(base, "call_tool"),
        "get_prompt": _refused(base, "get_prompt"),
    }


def check_servers(tools: Iterable[Any]) -> None:
    """Raise if a tool of a run in a workflow is an MCP server that workers do not know.

    Raises:
        NotDurableError: One is.
    """
    for tool in tools:
        if isinstance(tool, MCPTool) and here_of(tool) is None:
            raise NotDurableError(
                what=f"MCP server {tool.name!r}, which this workflow's app does not know,",
                remedy="give it to the agent, Agent(tools=[…]), before the agent is registered, or "
                "register it: register(app, agent, mcp_servers=[…])",
            )


def _preparing(base: Any) -> dict[str, Any]:
    async def _prepare_for_run(self: Any, kwargs: Mapping[str, Any]) -> None:
        here = here_of(self)
        if here is None:
            await base._prepare_for_run(self, kwargs)
        else:
            await _ask(self, here, kwargs)

    async def connect(self: Any, *, reset: bool = False) -> None:
        here = here_of(self)
        if here is None:
            await base.connect(self, reset=reset)
        else:
            await _ask(self, here, {})

    async def close(self: Any) -> None:
        # In a workflow there is nothing to close: the connection is the worker's.
        if here_of(self) is None:
            await base.close(self)

    return {"_prepare_for_run": _prepare_for_run, "connect": connect, "close": close}


def _showing(base: Any) -> dict[str, Any]:
    def functions(self: Any) -> list[FunctionTool]:
        here = here_of(self)
        if here is None:
            found: list[FunctionTool] = base.functions.__get__(self)
            return found
        return list(run_state(_Offers).shown[here[1]])

    def is_connected(self: Any) -> bool:
        if here_of(self) is not None:
            return True
        connected: bool = vars(self)["is_connected"]
        return connected

    def set_connected(self: Any, value: bool) -> None:
        vars(self)["is_connected"] = value

    return {"functions": property(functions), "is_connected": property(is_connected, set_connected)}


def _refused(base: Any, name: str) -> Any:
    async def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if here_of(self) is None:
            return await getattr(base, name)(self, *args, **kwargs)
        raise NotDurableError(
            what=f"calling {name} of MCP server {self.name!r} from a workflow's own code",
            remedy="let an agent call the tool, or call it in an activity of yours",
        )

    call.__name__ = name
    return call


@dataclass
class _Offers:
    """What servers have offered to a run.

    Attributes:
        known: The functions, by server and by what its headers are made of.
        shown: Those that the part of the run which asked last is about to read.
    """

    known: dict[tuple[str, str], list[FunctionTool]] = field(default_factory=dict)
    shown: dict[str, list[FunctionTool]] = field(default_factory=lambda: defaultdict(list))
    locks: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))


async def _ask(server: Any, here: tuple[Catalogue, str], kwargs: Mapping[str, Any]) -> None:
    if server.use_progressive_disclosure:
        raise NotDurableError(
            what=f"MCP server {server.name!r} with use_progressive_disclosure=True",
            remedy="name the tools that the agent needs: allowed_tools=[…]",
        )
    catalogue, key = here
    offers = run_state(_Offers)
    # Only a header provider may want them: the fewer of them history has, the better.
    has_headers = getattr(server, "_header_provider", None) is not None
    keywords = {name: value for name, value in kwargs.items() if has_headers and is_json(value)}
    which = (key, json.dumps(keywords, sort_keys=True))
    async with offers.locks[key]:
        if which not in offers.known:
            offers.known[which] = await _offered(catalogue, key, keywords)
        offers.shown[key] = offers.known[which]


async def _offered(catalogue: Catalogue, key: str, keywords: Json) -> list[FunctionTool]:
    policy = catalogue.policies.provider
    outcome = await call_activity(
        MCP_ACTIVITY,
        lambda: {"request": {"server": key, "keywords": keywords}},
        retry=policy.retry,
        timeout=policy.timeout,
    )
    return [
        remote_tool(
            declaration,
            _OnServer(key=f"{MCP_TOOL}{key}/{declaration['name']}"),
            needs_context=False,
        )
        for declaration in outcome["functions"]
    ]


@dataclass(frozen=True, kw_only=True)
class _OnServer(OnWorker):
    def _request(self, call: Call) -> Json:
        # The session is none of a server's business, and headers may be made of the keywords.
        given = call.context.kwargs.items()
        keywords = {name: it for name, it in given if name != "session" and is_json(it)}
        context = {"session": None, "keywords": keywords, "has_session": False}
        return {**OnWorker._request(self, call), "context": context}
