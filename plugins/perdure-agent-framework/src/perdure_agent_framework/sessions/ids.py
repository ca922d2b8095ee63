"""The ids of the instances that conversations consist of: the session, and each of its turns.

And the names of the workflows that turns are.
"""

from __future__ import annotations

import hashlib
import re

from perdure_agent_framework.sessions.turns import TURN_WORKFLOW

_LONGEST_GIVEN = 1_024
_READABLE = 31
_READABLE_OF_TURN = 12
_DIGITS = 32
_DIGITS_OF_SESSION = 16
_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")
_FIT_AGENT = re.compile(r"[A-Za-z0-9_-]{1,80}")


def session_instance_id(name: str, session_id: str) -> str:
    """Return the id of the instance that is a conversation; two conversations never share one.

    Args:
        name: What the conversations of the agent are kept under.
        session_id: The user's own id of the conversation.

    Raises:
        TypeError: The id is no text.
        ValueError: The id is empty, or longer than 1,024 characters.
    """
    _check("session_id", session_id)
    readable = _UNFIT.sub("_", f"{name}-{session_id}")[:_READABLE]
    return f"{readable}-{_digest(name, session_id)}"


def turn_instance_id(session: str, message_id: str) -> str:
    """Return the id of the instance that is a turn.

    Args:
        session: The instance id of the session.
        message_id: The user's own id of the message that the turn answers.

    Raises:
        TypeError: The id is no text.
        ValueError: The id is empty, or longer than 1,024 characters.
    """
    _check("message_id", message_id)
    readable = _UNFIT.sub("_", message_id)[:_READABLE_OF_TURN]
    return f"{turns_prefix(session)}{readable}-{_digest(session, message_id)}"


def turns_prefix(session: str) -> str:
    """Return what the ids of all turns of a session begin with."""
    return f"t-{_digest(session)[:_DIGITS_OF_SESSION]}-"


def turn_workflow_name(agent: str) -> str:
    """Return what the workflow is called that answers for an agent; no two agents share one."""
    if _FIT_AGENT.fullmatch(agent):
        return f"{TURN_WORKFLOW}.{agent}"
    # An agent of such a name is not fit, for its dot.
    return f"{TURN_WORKFLOW}.{_UNFIT.sub('_', agent)[:_READABLE]}.{_digest(agent)}"


def _digest(*parts: str) -> str:
    # Each with its length, so that no two lists of parts read alike.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    # Lone surrogates are no valid text, and yet different ids.
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]


def _check(what: str, given: object) -> None:
    if not isinstance(given, str):
        raise TypeError(f"{what} is a str, not {type(given).__name__}")
    if not 0 < len(given) <= _LONGEST_GIVEN:
        raise ValueError(
            f"{what} has 1 to {_LONGEST_GIVEN:,} characters, and this one has {len(given):,}"
        )
