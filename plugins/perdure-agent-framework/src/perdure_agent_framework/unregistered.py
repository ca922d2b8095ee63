"""Chat clients that a workflow calls though its app does not know them: an error that says so.

Without it the first thing to fail would be whatever the client does first, deep in its library.
"""

from __future__ import annotations

import functools
from typing import Any

from agent_framework import BaseChatClient

from perdure.framework import in_workflow
from perdure_agent_framework.errors import NotDurableError
from perdure_agent_framework.takeover import here_of

_MARK = "_perdure_refuses_unregistered"


def refuse_unregistered() -> None:
    """From now on let chat clients fail in workflows whose apps do not know them."""
    original: Any = BaseChatClient.get_response
    if hasattr(original, _MARK):
        return

    @functools.wraps(original)
    def get_response(self: Any, *args: Any, **keywords: Any) -> Any:
        if in_workflow() and here_of(self) is None:
            kind = type(self).__qualname__
            raise NotDurableError(
                what=f"a chat client ({kind}) of which this workflow's app knows no agent",
                remedy="register its agent with the app: register(app, agent)",
            )
        return original(self, *args, **keywords)

    setattr(get_response, _MARK, True)
    BaseChatClient.get_response = get_response  # type: ignore[method-assign]
