"""A chat client that reaches its model through Dapr: daprd's Conversation API, by component name.

It needs neither Dapr's SDK nor a Dapr backend; a sidecar is enough. This plugin's
``docs/dapr-conversation.md`` tells more.
"""

from __future__ import annotations

from perdure_agent_framework.dapr_conversation.client import DaprConversationChatClient
from perdure_agent_framework.dapr_conversation.errors import (
    DaprAnswerError,
    DaprAuthenticationError,
    DaprComponentNotFoundError,
    DaprConversationError,
    DaprModelError,
    DaprRequestError,
    DaprTimeoutError,
    DaprUnreachableError,
)
from perdure_agent_framework.dapr_conversation.options import DaprConversationOptions

__all__ = [
    "DaprAnswerError",
    "DaprAuthenticationError",
    "DaprComponentNotFoundError",
    "DaprConversationChatClient",
    "DaprConversationError",
    "DaprConversationOptions",
    "DaprModelError",
    "DaprRequestError",
    "DaprTimeoutError",
    "DaprUnreachableError",
]
