"""Switching off what clients of model services repeat by themselves, while a worker calls one.

Such a client would wait for a busy service inside the activity, where a crash loses the wait and
nobody sees it. The run waits in its place, by durable timers. Other users of the client object see
no change.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

_is_off: ContextVar[bool] = ContextVar("perdure_own_retries_off", default=False)

_NAME = "max_retries"


@contextmanager
def without_own_retries(client: object) -> Generator[None, None, None]:
    """Let what ``client`` calls the service with (as openai's and anthropic's) not try again."""
    for inner in list(vars(client).values()):
        state = getattr(inner, "__dict__", {})
        if isinstance(state.get(_NAME), int) and hasattr(inner, "with_options"):
            kind: type = type(inner)
            if not isinstance(vars(kind).get(_NAME), _Switched):
                inner.__class__ = _switched(kind)
    token = _is_off.set(True)
    try:
        yield
    finally:
        _is_off.reset(token)


class _Switched:
    """An attribute that is 0 within :func:`without_own_retries`, and what was set elsewhere."""

    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self
        return 0 if _is_off.get() else vars(client)[_NAME]

    def __set__(self, client: Any, value: int) -> None:
        vars(client)[_NAME] = value


@functools.cache
def _switched(kind: type) -> type:
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__slots__": ()}
    return type(kind.__name__, (kind,), {**names, "__doc__": kind.__doc__, _NAME: _Switched()})
