"""Context and history providers that a user might write, with files behind them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agent_framework import ContextProvider, HistoryProvider, Message, SessionContext

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agent_framework import AgentSession


class LineHistory(HistoryProvider):
    """Keeps each message as a line of a file, and counts in the state what it was asked."""

    def __init__(self, folder: Path) -> None:
        super().__init__("lines")
        self.folder = folder

    async def get_messages(
        self, session_id: str | None, *, state: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[Message]:
        assert state is not None
        state["loads"] = state.get("loads", 0) + 1
        path = self.folder / str(session_id)
        if not path.exists():
            return []
        lines = path.read_text(encoding="utf-8").splitlines()
        return [Message.from_dict(json.loads(line)) for line in lines]

    async def save_messages(
        self,
        session_id: str | None,
        messages: Sequence[Message],
        *,
        state: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        assert state is not None
        state["saves"] = state.get("saves", 0) + 1
        with (self.folder / str(session_id)).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(message.to_dict()) + "\n" for message in messages)


class Notebook(ContextProvider):
    """Reads a notebook before each run, lets the model write in it, and notes each answer."""

    def __init__(self, path: Path) -> None:
        super().__init__("notebook")
        self.path = path

    async def before_run(
        self, *, agent: Any, session: AgentSession, context: SessionContext, state: dict[str, Any]
    ) -> None:
        state["runs"] = state.get("runs", 0) + 1
        context.extend_messages(self, [Message("user", [f"notebook: {self._text()}"])])
        context.extend_instructions(self.source_id, f"You are {agent.name}, run {state['runs']}.")

        async def write(line: str) -> str:
            """Write a line."""
            state["lines"] = [*state.get("lines", []), line]
            self._append(line)
            return f"{len(state['lines'])} lines in run {state['runs']} of {session.session_id}"

        context.extend_tools(self.source_id, [write])

    async def after_run(
        self, *, agent: Any, session: AgentSession, context: SessionContext, state: dict[str, Any]
    ) -> None:
        assert context.response is not None
        self._append(f"answered {context.response.text}")
        state["answered"] = [it.text for it in context.input_messages]

    def _text(self) -> str:
        return self.path.read_text(encoding="utf-8") if self.path.exists() else "empty"

    def _append(self, line: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{line};")
