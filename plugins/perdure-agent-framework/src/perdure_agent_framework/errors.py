"""What goes wrong with durable agents, beside what perdure's and the framework's own errors say.

An error that a tool call raises would be told to the model as a failed call; what must end the run
derives from the framework's ``MiddlewareFailure``, which it lets through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_framework import MiddlewareFailure

from perdure import PerdureError

if TYPE_CHECKING:
    from perdure_agent_framework.policies import ModelErrorKind


class AgentRunError(PerdureError, MiddlewareFailure):
    """A durable run of an agent cannot go on."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class ModelCallError(AgentRunError):
    """A model did not answer, and trying again or elsewhere is of no use or was of none.

    Attributes:
        kind: What went wrong.
        model: The key of the model that was called last.
        attempts: How many calls were made.
        status_code: The HTTP status, where there was one.
    """

    def __init__(
        self,
        *,
        model: str,
        kind: ModelErrorKind,
        detail: str,
        attempts: int,
        status_code: int | None = None,
    ) -> None:
        self.model = model
        self.kind = kind
        self.attempts = attempts
        self.status_code = status_code
        tries = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        super().__init__(f"model {model!r} did not answer ({kind}, {tries}): {detail}")


class BudgetExceededError(AgentRunError):
    """A run has used up what its budget allows.

    Attributes:
        resource: What is used up, as the field of ``Budget`` is called.
        limit: How much of it there was, as text.
    """

    def __init__(self, *, resource: str, limit: str) -> None:
        self.resource = resource
        self.limit = limit
        super().__init__(
            f"the run has used up its budget of {limit} {resource}; "
            f"give it more, Budget({resource}=…), or an agent that needs less"
        )


class ToolOutcomeUnknownError(AgentRunError):
    """Whether an ``at_most_once`` tool call took place is unknown, and the policy is to fail."""

    def __init__(self, *, tool: str, reason: str) -> None:
        self.tool = tool
        super().__init__(
            f"whether the call of tool {tool!r} took place is unknown: {reason}; find out by hand "
            "what happened, then run the agent again"
        )


class NotDurableError(AgentRunError):
    """Something of the framework cannot be made durable as it is used here.

    Attributes:
        what: What it is.
        remedy: What to do.
    """

    def __init__(self, *, what: str, remedy: str) -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what} cannot be durable; {remedy}")


class FrameworkVersionError(PerdureError, ImportError):
    """The installed Agent Framework is none that this package is tested with.

    Attributes:
        installed: Its version.
        tested: The versions that are tested.
        missing: What this package takes hold of and does not find.
    """

    def __init__(
        self, *, installed: str, tested: str, missing: list[str], setting: str | None
    ) -> None:
        self.installed = installed
        self.tested = tested
        self.missing = missing
        lacks = f", and lacks {', '.join(missing)}" if missing else ""
        risk = f", or go on at your own risk: {setting}=1" if setting else ""
        super().__init__(
            f"agent-framework-core {installed} is installed{lacks}; perdure-agent-framework is "
            f"tested with {tested}: pip install 'agent-framework-core{tested}'{risk}"
        )


class AgentNotRegisteredError(PerdureError, LookupError):
    """A worker was asked for an agent, a model or a tool that its app does not have."""

    def __init__(self, *, kind: str, name: str, known: list[str]) -> None:
        have = ", ".join(sorted(known)) or "none"
        super().__init__(
            f"this app has no {kind} {name!r}; it has: {have}. Register its agent before the "
            "worker starts: register(app, agent) or DurableAgentRunner(agent, app=app)"
        )


class DuplicateAgentError(PerdureError, ValueError):
    """Two different agents of one name are registered with one app."""

    def __init__(self, *, name: str) -> None:
        super().__init__(
            f"two agents of this app are named {name!r}; give one of them another name=…, or "
            "register them with apps of their own"
        )
        self.name = name


class PoliciesConflictError(PerdureError, ValueError):
    """Two different policies are declared of the agents of one app."""

    def __init__(self, *, fields: list[str]) -> None:
        super().__init__(
            f"the agents of this app have policies already, which differ in {', '.join(fields)}; "
            "declare all that holds for the app in one Policies(…), and pass that once"
        )
        self.fields = fields


class UnknownPolicyNameError(PerdureError, LookupError):
    """Policies name a model or a tool that no agent of the app has."""

    def __init__(self, *, kind: str, name: str, known: list[str]) -> None:
        have = ", ".join(sorted(known)) or "none"
        super().__init__(
            f"policies name {kind} {name!r}, which no agent of this app has; there are: {have}. "
            f"Correct Policies({kind}s=…), or register the agent that has it"
        )
        self.name = name


class MessageConflictError(PerdureError, ValueError):
    """One message id was used for two different messages of a conversation.

    Attributes:
        session_id: The conversation.
        message_id: The id.
    """

    def __init__(self, *, session_id: str, message_id: str) -> None:
        super().__init__(
            f"message {message_id!r} of session {session_id!r} was asked before with another "
            "content; take a message_id of its own for each message, and the same one only to "
            "ask again for the same"
        )
        self.session_id = session_id
        self.message_id = message_id


class SessionNotFoundError(PerdureError, LookupError):
    """There is no conversation of that id."""

    def __init__(self, *, agent: str, session_id: str) -> None:
        super().__init__(
            f"agent {agent!r} has no session {session_id!r} in this hub; it begins with its first "
            "run(…, session_id=…). Check the id, the agent's name and PERDURE_BACKEND"
        )
        self.session_id = session_id


class SessionClosedError(PerdureError):
    """The conversation has ended, so it takes no more messages."""

    def __init__(self, *, session_id: str, status: str) -> None:
        super().__init__(
            f"session {session_id!r} has ended ({status}) and takes no more messages; use another "
            "session_id, or delete this one with runner.delete(…) to begin anew under its id"
        )
        self.session_id = session_id
        self.status = status
