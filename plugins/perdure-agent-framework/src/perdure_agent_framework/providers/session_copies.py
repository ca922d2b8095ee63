"""A session's copy on a worker: how it gets there, and how what changed in it comes back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agent_framework import AgentSession

from perdure_agent_framework.errors import NotDurableError
from perdure_agent_framework.sessions.state_changes import apply_changes, changes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Json = dict[str, Any]


def session_to_json(session: AgentSession, *, without: Collection[str], user: str) -> Json:
    """Return the session of a run for something that runs on a worker.

    Args:
        session: The session.
        without: Names in its state that are no business of ``user``.
        user: What gets it, as errors call it.

    Raises:
        NotDurableError: Something in its state cannot be stored.
    """
    state = {name: value for name, value in session.state.items() if name not in without}
    return {
        "session_id": session.session_id,
        "service_session_id": session.service_session_id,
        "state": state_to_json(state, user=user),
    }


def session_from_json(data: Json) -> AgentSession:
    """Return the copy of :func:`session_to_json`."""
    return AgentSession.from_dict(data)


def state_to_json(state: Mapping[str, Any], *, user: str) -> Json:
    """Return the state of a session, or a part of it.

    Raises:
        NotDurableError: Something in it cannot be stored.
    """
    data: Json = _session_of(state).to_dict()["state"]
    for name, value in data.items():
        if not is_json(value):
            raise NotDurableError(
                what=f"{name!r} of session.state, a {type(state[name]).__qualname__}, for {user}",
                remedy="keep JSON types there, or classes given to register_state_type",
            )
    return data


def state_from_json(data: Json) -> dict[str, Any]:
    """Return the state of :func:`state_to_json`."""
    return session_from_json({"session_id": "-", "state": data}).state


def changes_of_state(before: Json, state: Mapping[str, Any], *, user: str) -> Json | None:
    """Return what became other in a copy of a state since it was ``before``.

    Raises:
        NotDurableError: Something was put there that cannot be stored.
    """
    return changes(before, state_to_json(state, user=user))


def take_changes(state: dict[str, Any], change: Json | None) -> None:
    """Do to ``state`` what was done to its copy; dicts in it stay the same objects."""
    if change is None:
        return
    for name in change["remove"]:
        state.pop(name, None)
    touched = {name: state[name] for name in change["set"] if name in state}
    before = _session_of(touched).to_dict()["state"]
    after = state_from_json(apply_changes(before, {"set": change["set"], "remove": []}))
    for name, value in after.items():
        held = state.get(name)
        if isinstance(held, dict) and isinstance(value, dict):
            held.clear()
            held.update(value)
        else:
            state[name] = value


def is_json(value: Any) -> bool:
    """Return whether ``value`` is the same after it was stored as JSON."""
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError, RecursionError):
        return False


def _session_of(state: Mapping[str, Any]) -> AgentSession:
    session = AgentSession(session_id="-")
    session.state = dict(state)
    return session
