"""The two workflows that the conversations of an app consist of, registered once per app."""

from __future__ import annotations

from typing import TYPE_CHECKING

import perdure
from perdure_agent_framework.sessions.ids import turn_workflow_name
from perdure_agent_framework.sessions.turn_workflow import run_turn
from perdure_agent_framework.sessions.turns import (
    SESSION_WORKFLOW,
    TURN_WORKFLOW,
    Carried,
    SessionSettings,
    Turn,
    TurnResult,
)
from perdure_agent_framework.sessions.workflow import RunningSession

if TYPE_CHECKING:
    from perdure import Registry
    from perdure_agent_framework.catalogue import Catalogue


class Conversations:
    """The workflows of an app's conversations.

    Each agent has turns under a name of its own, so that a worker that lacks the agent, as in the
    middle of a deployment, leaves them to one that has it.

    Attributes:
        session: A conversation.
        turn: One request to any agent and its response; run under this name, it was cancelled
            before it began.
        agents: By what their conversations are kept under.
    """

    def __init__(self, registry: Registry, catalogue: Catalogue) -> None:
        async def agent_turn(turn: Turn) -> TurnResult:
            return await run_turn(catalogue, turn)

        async def agent_session(settings: SessionSettings, carried: Carried | None = None) -> None:
            session = RunningSession(self.turn, settings, carried or Carried())
            left = await session.serve()
            if left is not None:
                perdure.continue_as_new(settings, left)

        self.agents: dict[str, str] = {}
        self.turn = registry.workflow(name=TURN_WORKFLOW)(agent_turn)
        self.session = registry.workflow(name=SESSION_WORKFLOW)(agent_session)

    def keep(self, registry: Registry, name: str, *, agent: str) -> None:
        """Keep the conversations of an agent of the app ``registry`` under ``name``.

        Raises:
            ValueError: Those of another agent are kept there.
        """
        known = self.agents.get(name, agent)
        if known != agent:
            raise ValueError(
                f"the conversations of agent {agent!r} cannot be kept under {name!r}: those of "
                f"agent {known!r} are; give one of the runners another name=…"
            )
        if agent not in self.agents.values():
            registry.workflow(name=turn_workflow_name(agent))(self.turn.local)
        self.agents[name] = agent


def conversations_of(registry: Registry, catalogue: Catalogue) -> Conversations:
    """Return the workflows of an app, registered with it the first time.

    Raises:
        DuplicateNameError: The app has a workflow of such a name.
    """
    if catalogue.conversations is None:
        catalogue.conversations = Conversations(registry, catalogue)
    return catalogue.conversations
