"""Chat clients in workflows: each model call is an activity, each tool of a call a durable one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure.framework import is_replaying
from perdure_agent_framework.models.call import ModelCall, answer
from perdure_agent_framework.scope import SCOPE_KEYWORD, RunScope, open_scope
from perdure_agent_framework.takeover import here_of
from perdure_agent_framework.tools.call import durable_tools

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence

    from agent_framework import ChatResponse, ChatResponseUpdate, Message


def client_methods(base: Any) -> dict[str, Any]:
    """Return what a chat client of class ``base`` does in place of its own. See ``take_over``.

    ``get_response`` is the outermost layer, where tools come in. ``_inner_get_response`` is the
    innermost, below the tool loop, chat middleware, per-call history and compaction: taking the
    model call out any higher would lose those.
    """

    def get_response(self: Any, messages: Any, **keywords: Any) -> Any:
        return base.get_response(self, messages, **_with_durable_tools(self, keywords))

    def _inner_get_response(
        self: Any,
        *,
        messages: Sequence[Message],
        stream: bool,
        options: Mapping[str, Any],
        **kwargs: Any,
    ) -> Any:
        scope: RunScope | None = kwargs.pop(SCOPE_KEYWORD, None)
        here = here_of(self)
        if here is None:
            return base._inner_get_response(
                self, messages=messages, stream=stream, options=options, **kwargs
            )
        scope = scope or open_scope(here[0], None)
        tools = options.get("tools")
        if isinstance(tools, list):
            # The list that the tool loop looks into: middleware may have added to it.
            tools[:] = durable_tools(tools, scope)
        call = ModelCall(
            model=here[1],
            messages=messages,
            options=options,
            keywords=kwargs,
            scope=scope,
        )
        if not stream:
            return answer(call)
        return self._build_response_stream(
            _updates(answer(call)), response_format=options.get("response_format")
        )

    return {"get_response": get_response, "_inner_get_response": _inner_get_response}


def _with_durable_tools(client: Any, keywords: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of ``get_response`` with a scope and with durable tools."""
    here = here_of(client)
    if here is None:
        return keywords
    client_kwargs = dict(keywords.get("client_kwargs") or {})
    scope = client_kwargs.setdefault(SCOPE_KEYWORD, None) or open_scope(here[0], None)
    client_kwargs[SCOPE_KEYWORD] = scope
    options = keywords.get("options")
    if options and options.get("tools"):
        options = {**options, "tools": durable_tools(options["tools"], scope)}
    elif is_replaying():
        # The agent may have had tools when its model answered; they come here (see pinned_tools).
        options = {**(options or {}), "tools": []}
    return {**keywords, "client_kwargs": client_kwargs, "options": options}


async def _updates(answered: Awaitable[ChatResponse[Any]]) -> AsyncIterator[ChatResponseUpdate]:
    # Live pieces go from the activity to subscribers; the workflow sees the answer as a whole.
    for update in (await answered).to_updates():
        yield update
