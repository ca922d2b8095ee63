"""The two workflows that the conversations of an app consist of, registered once per app."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import perdure
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

    Attributes:
        session: A conversation.
        turn: One request to an agent and its response.
    """

    def __init__(self, registry: Registry, catalogue: Catalogue) -> None:
        async def agent_turn(turn: Turn) -> TurnResult:
            return await run_turn(catalogue, turn)

        async def agent_session(settings: SessionSettings, carried: Carried | None = None) -> None:
            session = RunningSession(self.turn, settings, carried or Carried())
            left = await session.serve()
            if left is not None:
                perdure.continue_as_new(settings, left)

        self.turn = registry.workflow(name=TURN_WORKFLOW)(agent_turn)
        self.session = registry.workflow(name=SESSION_WORKFLOW)(agent_session)


_conversations: weakref.WeakKeyDictionary[Catalogue, Conversations] = weakref.WeakKeyDictionary()


def conversations_of(registry: Registry, catalogue: Catalogue) -> Conversations:
    """Return the workflows of an app, registered with it the first time.

    Raises:
        DuplicateNameError: The app has a workflow of such a name.
    """
    if catalogue not in _conversations:
        _conversations[catalogue] = Conversations(registry, catalogue)
    return _conversations[catalogue]
