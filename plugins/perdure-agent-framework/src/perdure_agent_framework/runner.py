"""The runner: an agent whose conversations are durable."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import uuid
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from perdure import InstanceFinishedError, InstanceNotFoundError
from perdure_agent_framework.catalogue import catalogue_of
from perdure_agent_framework.errors import SessionNotFoundError
from perdure_agent_framework.registration import register
from perdure_agent_framework.sessions.agent_responses import response_from_json
from perdure_agent_framework.sessions.conversations import conversations_of
from perdure_agent_framework.sessions.ids import session_instance_id
from perdure_agent_framework.sessions.purging import purge_session
from perdure_agent_framework.sessions.turn_calls import cancel_turn
from perdure_agent_framework.sessions.turn_requests import Asked, turn_call
from perdure_agent_framework.sessions.turn_streams import stream_of_turn
from perdure_agent_framework.sessions.turns import SESSION_EVENT, SessionEvent, SessionSettings
from perdure_agent_framework.sessions.views import messages_of, view_session
from perdure_agent_framework.streaming.hubs import hub_of, set_hub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
    from datetime import timedelta
    from types import TracebackType

    from agent_framework import (
        Agent,
        AgentResponse,
        AgentResponseUpdate,
        AgentRunInputs,
        Message,
        ResponseStream,
    )

    from perdure import App, Client
    from perdure.app import Running
    from perdure_agent_framework.policies import Policies
    from perdure_agent_framework.sessions.turn_calls import TurnCall
    from perdure_agent_framework.sessions.views import SessionInfo
    from perdure_agent_framework.streaming.answers import StreamHub

DEFAULT_TURNS_PER_RUN = 50
DEFAULT_BYTES_PER_RUN = 4 * 1024 * 1024


class DurableAgentRunner:
    """Runs an agent in durable conversations: each a workflow, each of its turns a child of it.

    Where the app is open in this process (``async with app.run()``, ``app.client()``), the runner
    uses that. It opens a client for each call otherwise, and a worker must run elsewhere. ``async
    with runner:`` opens both here.

    Attributes:
        agent: The agent. It stays as it is for all that does not run in a workflow of the app.
        name: What its conversations are kept under.
    """

    def __init__(
        self,
        agent: Agent[Any],
        *,
        app: App,
        policies: Policies | None = None,
        name: str | None = None,
        turns_per_run: int = DEFAULT_TURNS_PER_RUN,
        bytes_per_run: int = DEFAULT_BYTES_PER_RUN,
        stream_hub: StreamHub | None = None,
    ) -> None:
        """Register the agent with ``app``, as ``register(app, agent)`` does.

        Args:
            agent: An agent with a name.
            app: The app whose workers run it.
            policies: What is declared of the app's agents; the same each time it is given.
            name: What its conversations are kept under, by default the agent's name. Keep it when
                the agent is renamed, and its conversations go on.
            turns_per_run: After so many turns a conversation begins a new run, whose history is
                empty; what was said goes along. Holds for conversations that begin from now on.
            bytes_per_run: It does so too when the turns of a run were given that much.
            stream_hub: Where live answers are published; by default what ``PERDURE_AGENT_STREAMS``
                says.

        Raises:
            DuplicateAgentError: The app has another agent of that name.
            PoliciesConflictError: Other policies were given before.
            TypeError: It is no agent with a chat client.
            ValueError: The agent has no name, a number is not positive, or the app keeps the
                conversations of another agent under that name.
        """
        for option, number in (("turns_per_run", turns_per_run), ("bytes_per_run", bytes_per_run)):
            if number < 1:
                raise ValueError(f"{option} must be at least 1, got {number}")
        register(app, agent, policies=policies)
        catalogue = catalogue_of(app)
        assert catalogue is not None
        if stream_hub is not None:
            set_hub(catalogue, stream_hub)
        assert agent.name is not None
        self.agent = agent
        self.name = name or agent.name
        self._agent_name: str = agent.name
        self._app = app
        self._catalogue = catalogue
        self._conversations = conversations_of(app, catalogue)
        self._conversations.keep(app, self.name, agent=agent.name)
        self._settings = SessionSettings(turns_per_run=turns_per_run, bytes_per_run=bytes_per_run)
        self._client: Client | None = None
        self._running: Running | None = None

    def __repr__(self) -> str:
        return f"<durable runner of agent {self.name!r}>"

    async def __aenter__(self) -> Self:
        """Run a worker of the app in this process, and open a client."""
        self._running = self._app.run()
        await self._running.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Drain the worker and close the client."""
        running, self._running = self._running, None
        assert running is not None
        await running.__aexit__(kind, error, traceback)

    def using(self, client: Client) -> Self:
        """Return this runner on a client of your own, such as that of ``run_in_memory``."""
        made = copy.copy(self)
        made._client, made._running = client, None
        return made

    @overload
    def run(
        self,
        messages: AgentRunInputs | None = None,
        *,
        session_id: str | None = None,
        message_id: str | None = None,
        options: Mapping[str, Any] | None = None,
        stream: Literal[False] = ...,
        timeout: timedelta | None = None,
    ) -> Coroutine[Any, Any, AgentResponse[Any]]: ...
    @overload
    def run(
        self,
        messages: AgentRunInputs | None = None,
        *,
        session_id: str | None = None,
        message_id: str | None = None,
        options: Mapping[str, Any] | None = None,
        stream: Literal[True],
        timeout: timedelta | None = None,
    ) -> ResponseStream[AgentResponseUpdate, AgentResponse[Any]]: ...
    def run(
        self,
        messages: AgentRunInputs | None = None,
        *,
        session_id: str | None = None,
        message_id: str | None = None,
        options: Mapping[str, Any] | None = None,
        stream: bool = False,
        timeout: timedelta | None = None,
    ) -> Any:
        """Ask the agent, durably, and return its response; as the agent's own ``run``.

        Args:
            messages: What is said.
            session_id: The conversation, which begins with its first message. Requests of one
                conversation are answered one after the other. Without it, the request is no part of
                any.
            message_id: Of this request, within the conversation. The same id gives the same
                response (or the same error) however often it is asked, by whatever process; so
                what has failed is tried again under another. Without it, each call asks anew.
            options: Chat options for this run, such as ``response_format``.
            stream: Return a ``ResponseStream``; iterate over it, or await its
                ``get_final_response()``. Asked again, it begins from the start.
            timeout: How long to wait; the agent goes on all the same.

        Raises:
            AgentRunError: The run could not go on: ``ModelCallError``, ``BudgetExceededError`` …
            MessageConflictError: Something else was asked under this message id before.
            NotDurableError: Something of the request cannot be stored.
            SessionClosedError: The conversation has ended.
            TimeoutError: There is no response within ``timeout``.
            WorkflowCancelledError: The turn was cancelled.
            WorkflowFailedError: It failed otherwise; ``.failure`` says how.
            WorkflowStalledError: It waits for a worker with fitting code. Nothing is lost: ask
                again under the same message id.
            WorkflowTerminatedError: It was ended by force.
        """
        call = turn_call(
            self._asked(session_id, message_id or uuid.uuid4().hex),
            messages,
            options=options,
            is_streamed=stream,
            settings=self._settings,
        )
        response_format = (options or {}).get("response_format")

        def answer() -> Coroutine[Any, Any, AgentResponse[Any]]:
            return self._answer(call, response_format=response_format, timeout=timeout)

        if not stream:
            return answer()
        # Nothing is asked before somebody listens.
        hub = hub_of(self._catalogue)
        return stream_of_turn(hub, call.turn_id, agent=self._agent_name, answer=answer)

    async def cancel(self, session_id: str | None, message_id: str) -> None:
        """Cancel the turn that answers a message: one that runs ends, one that waits never begins.

        The conversation goes on as if the message had not been sent. An answered one stays.

        Raises:
            SessionNotFoundError: There is no such conversation.
            WorkflowStalledError: The conversation waits for a worker with fitting code.
        """
        asked = self._asked(session_id, message_id)
        async with self._opened() as client:
            with self._explained(session_id or message_id):
                await cancel_turn(client, asked.turn_id, asked.session, message_id)

    async def session(self, session_id: str) -> SessionInfo:
        """Return where a conversation stands.

        Raises:
            SessionNotFoundError: There is no such conversation.
        """
        instance_id = session_instance_id(self.name, session_id)
        async with self._opened() as client:
            with self._explained(session_id):
                return await view_session(client, instance_id, session_id=session_id)

    async def history(self, session_id: str) -> list[Message]:
        """Return what was said in a conversation, as the agent's history provider has it.

        Raises:
            CapabilityNotSupportedError: The backend shows no histories.
            SessionNotFoundError: There is no such conversation, or its last turn was purged.
        """
        instance_id = session_instance_id(self.name, session_id)
        async with self._opened() as client:
            with self._explained(session_id):
                return await messages_of(client, self._conversations, instance_id, agent=self.agent)

    async def close(self, session_id: str) -> None:
        """End a conversation, once what was asked before is answered. Its answers stay.

        Raises:
            SessionNotFoundError: There is no such conversation.
        """
        instance_id = session_instance_id(self.name, session_id)
        async with self._opened() as client:
            with self._explained(session_id), contextlib.suppress(InstanceFinishedError):
                session = client.get(self._conversations.session, instance_id)
                await session.raise_event(SESSION_EVENT, SessionEvent(kind="close"))

    async def delete(self, session_id: str) -> None:
        """End a conversation at once, and delete it with all its turns and their histories.

        Raises:
            CapabilityNotSupportedError: The backend cannot list.
            SessionNotFoundError: There is no such conversation.
        """
        instance_id = session_instance_id(self.name, session_id)
        async with self._opened() as client:
            with self._explained(session_id):
                await purge_session(client, instance_id)

    def _asked(self, session_id: str | None, message_id: str) -> Asked:
        return Asked.of(
            agent=self._agent_name,
            name=self.name,
            session_id=session_id,
            message_id=message_id,
        )

    async def _answer(
        self, call: TurnCall, *, response_format: Any, timeout: timedelta | None
    ) -> AgentResponse[Any]:
        async with self._opened() as client:
            try:
                async with asyncio.timeout(None if timeout is None else timeout.total_seconds()):
                    result = await call.result(client, self._conversations)
            except TimeoutError as err:
                if timeout is None:
                    raise
                raise TimeoutError(
                    f"agent {self.name!r} has not answered message {call.request.message_id!r} "
                    f"within {timeout.total_seconds():g} s; it goes on. Ask again under this "
                    "message_id to wait on"
                ) from err
        return response_from_json(result.response, response_format=response_format)

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncIterator[Client]:
        if self._client is not None:
            yield self._client
            return
        async with self._app.client() as client:
            yield client

    @contextlib.contextmanager
    def _explained(self, session_id: str) -> Iterator[None]:
        try:
            yield
        except InstanceNotFoundError as err:
            raise SessionNotFoundError(agent=self.name, session_id=session_id) from err
