"""What an example tells the demo about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    import perdure
    from perdure.testing.scripted_model import Transcript

MODEL_CALL = "agent.model"
TOOL_CALL = "agent.tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A question put to an agent, ready to be asked.

    Attributes:
        app: The app whose workers run the agent.
        ask: Asks, waits, and returns what the agent says at the end.
        instance_id: The instance whose history has the agent's calls.
        model_calls: The names of the activities in it that ask the model.
        tool_calls: The names of those that call tools.
    """

    app: perdure.App
    ask: Callable[[], Awaitable[str]]
    instance_id: str
    model_calls: frozenset[str] = frozenset({MODEL_CALL})
    tool_calls: frozenset[str] = frozenset({TOOL_CALL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """An example, as the demo needs it.

    Attributes:
        name: Of the example; its folder, and of its state.
        worker: The module that has ``app``, which workers run.
        transcript: What the scripted model says; ``None`` if nobody asks a model.
        question: What is asked, for people.
        open: Returns the act for a session of this id. Called once the environment is set up, so
            it imports the agent then.
        variable: The environment variable that tells the example's tools where to keep their files.
        kill_after: After how many finished tool calls the worker is killed, in the middle of a
            further one.
        needs_approval: Whether the agent asks for approval, which the demo then gives.
        outcome: Reads from that folder what has come of it in the world, in words.
    """

    name: str
    title: str
    worker: str
    transcript: Transcript | None
    question: str
    open: Callable[[str], Act]
    variable: str
    kill_after: int
    needs_approval: bool = False
    outcome: Callable[[Path], list[str]]
