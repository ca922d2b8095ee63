"""Durable agents: Microsoft Agent Framework agents whose model and tool calls are durable.

``DurableAgentRunner(agent, app=app)`` gives an agent durable conversations; ``register(app,
agent)`` is for agents that workflows run themselves, by ``await agent.run(…)``. The agent stays as
it is.
"""

from __future__ import annotations

from perdure_agent_framework.errors import (
    AgentNotRegisteredError,
    AgentRunError,
    BudgetExceededError,
    DuplicateAgentError,
    FrameworkVersionError,
    MessageConflictError,
    ModelCallError,
    NotDurableError,
    PoliciesConflictError,
    SessionClosedError,
    SessionNotFoundError,
    ToolOutcomeUnknownError,
    UnknownPolicyNameError,
)
from perdure_agent_framework.policies import (
    ApprovalPolicy,
    Budget,
    ModelPolicy,
    Policies,
    ProviderPolicy,
    RateLimit,
    ToolPolicy,
)
from perdure_agent_framework.registration import register
from perdure_agent_framework.runner import DurableAgentRunner
from perdure_agent_framework.sessions.views import SessionInfo
from perdure_agent_framework.streaming.answers import StreamChunk, StreamHub
from perdure_agent_framework.streaming.files import FileStreamHub
from perdure_agent_framework.streaming.memory import MemoryStreamHub

__all__ = [
    "AgentNotRegisteredError",
    "AgentRunError",
    "ApprovalPolicy",
    "Budget",
    "BudgetExceededError",
    "DuplicateAgentError",
    "DurableAgentRunner",
    "FileStreamHub",
    "FrameworkVersionError",
    "MemoryStreamHub",
    "MessageConflictError",
    "ModelCallError",
    "ModelPolicy",
    "NotDurableError",
    "Policies",
    "PoliciesConflictError",
    "ProviderPolicy",
    "RateLimit",
    "SessionClosedError",
    "SessionInfo",
    "SessionNotFoundError",
    "StreamChunk",
    "StreamHub",
    "ToolOutcomeUnknownError",
    "ToolPolicy",
    "UnknownPolicyNameError",
    "register",
]
