"""Chance, clocks, spans and logs of the framework, which in workflows must stand up to replays.

Only what the framework's own modules do is touched, and only while a workflow runs:

* ids that they draw come from the workflow's own source of chance, so that a replay draws them
  again;
* the clocks that they read (for ``max_duration_seconds`` and for dates in answers of workflows that
  act as agents) show the workflow's time, which stands still between events;
* spans that begin, and lines that are logged, while a workflow replays are left out: they were
  written when it happened. A span that is open when a run leaves memory is never written. What
  activities do is traced where it is done.
"""

from __future__ import annotations

import functools
import importlib
import logging
import sys
import time
import uuid
from datetime import datetime, tzinfo
from typing import Any, Self

from opentelemetry.trace import NoOpTracer

import perdure
from perdure.framework import in_workflow, is_replaying

_FRAMEWORK = "agent_framework"
_DATED_MODULES = ("agent_framework._workflows._agent", "agent_framework._workflows._checkpoint")


def install() -> None:
    """Put everything in its place, once in a process; loggers whenever there are new ones."""
    _silence_loggers()
    if getattr(uuid.uuid4, "is_perdures_for_agent_framework", False):
        return
    _install_ids()
    _install_clocks()
    _install_tracer()


class _WorkflowDatetime(datetime):
    """The class ``datetime``, whose ``now`` is the workflow's in a workflow."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """Return the instant of the event that the workflow handles; elsewhere the clock's."""
        if not in_workflow():
            return super().now(tz)
        return cls.fromtimestamp(perdure.now().timestamp(), tz)


class _NotWhileReplaying(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not is_replaying()


def _install_ids() -> None:
    original = uuid.uuid4

    @functools.wraps(original)
    def uuid4() -> uuid.UUID:
        # Only the framework's own ids: what others draw in a workflow is theirs to answer for.
        if in_workflow() and _is_frameworks(sys._getframe(1).f_globals.get("__name__", "")):
            return perdure.uuid4()
        return original()

    vars(uuid4)["is_perdures_for_agent_framework"] = True
    vars(uuid)["uuid4"] = uuid4
    # Modules of the framework that are imported later get it by themselves.
    for name, module in list(sys.modules.items()):
        if _is_frameworks(name) and vars(module).get("uuid4") is original:
            vars(module)["uuid4"] = uuid4


def _install_clocks() -> None:
    tools = importlib.import_module("agent_framework._tools")
    for name in ("perf_counter", "time"):
        vars(tools)[name] = _workflows_own(getattr(time, name))
    for dated in _DATED_MODULES:
        vars(importlib.import_module(dated))["datetime"] = _WorkflowDatetime


def _silence_loggers() -> None:
    # Each by itself: what a logger filters out is what is logged by it, not by those below it.
    for name in [_FRAMEWORK, *logging.root.manager.loggerDict]:
        logger = logging.getLogger(name) if _is_frameworks(name) else None
        if logger and not any(isinstance(it, _NotWhileReplaying) for it in logger.filters):
            logger.addFilter(_NotWhileReplaying())


def _install_tracer() -> None:
    observability = importlib.import_module("agent_framework.observability")
    original: Any = observability.get_tracer

    @functools.wraps(original)
    def get_tracer(*args: Any, **keywords: Any) -> Any:
        return NoOpTracer() if is_replaying() else original(*args, **keywords)

    vars(observability)["get_tracer"] = get_tracer


def _workflows_own(clock: Any) -> Any:
    @functools.wraps(clock)
    def read() -> float:
        return perdure.now().timestamp() if in_workflow() else clock()

    return read


def _is_frameworks(module: str) -> bool:
    top = module.partition(".")[0]
    return top == _FRAMEWORK or top.startswith(f"{_FRAMEWORK}_")
