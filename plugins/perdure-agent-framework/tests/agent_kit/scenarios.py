"""Scenarios: agents and what is done with them, to be played plainly and durably."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from agent_kit.real_clients import completions_client, responses_client
from agent_kit.recording import Recording

if TYPE_CHECKING:
    from agent_framework import Agent
    from agent_framework_openai import OpenAIChatClient, OpenAIChatCompletionClient

    from perdure_agent_framework.policies import Policies


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a scenario is built with.

    Attributes:
        url: The scripted model.
        recording: What models and tools are asked.
    """

    url: str
    recording: Recording = field(default_factory=Recording)

    def client(self, **options: Any) -> OpenAIChatCompletionClient[Any]:
        """Return a client of the scripted model."""
        return completions_client(self.url, self.recording, **options)

    def responses_client(self, **options: Any) -> OpenAIChatClient[Any]:
        """Return a client of the scripted model that speaks the Responses API."""
        return responses_client(self.url, self.recording, **options)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Agents, and a use of them.

    Attributes:
        agents: Those that are registered with an app.
        run: Uses them. Played plainly it runs as it is, and durably as a workflow.
        policies: What is declared of the agents.
        calls_in_workflow: How many of the tool calls are no activities, because only the workflow
            has the function.
    """

    agents: tuple[Agent[Any], ...]
    run: Callable[[], Awaitable[Any]]
    policies: Policies | None = None
    calls_in_workflow: int = 0


Build: TypeAlias = Callable[[Setup], Scenario]
"""Makes a scenario anew; agents keep state, so that each way of playing gets its own."""
