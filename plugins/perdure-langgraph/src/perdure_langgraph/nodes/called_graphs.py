"""Graphs that the function of a node calls: they run in the node's activity, all of them.

What they would store for the run, so that an interrupt of theirs can be answered, goes with the
request into the activity, and comes back with the outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langgraph._internal._config import recast_checkpoint_ns
from langgraph._internal._constants import (
    CONF,
    CONFIG_KEY_CHECKPOINT_NS,
    CONFIG_KEY_CHECKPOINTER,
    CONFIG_KEY_DURABILITY,
    CONFIG_KEY_REPLAY_STATE,
    CONFIG_KEY_RESUME_MAP,
    CONFIG_KEY_RESUMING,
    CONFIG_KEY_THREAD_ID,
    NS_END,
)
from langgraph._internal._replay import ReplayState

from perdure.framework import run_state
from perdure_langgraph.checkpoints.saver import WorkflowSaver
from perdure_langgraph.configs import own_values
from perdure_langgraph.serde import decode, encode
from perdure_langgraph.threads.carried import load, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.runnables import RunnableConfig

    from perdure_langgraph.catalogue import Node

Json = dict[str, Any]

_FLAGS = (CONFIG_KEY_RESUMING, CONFIG_KEY_RESUME_MAP, CONFIG_KEY_DURABILITY)


def described(conf: Json, *, is_retry: bool) -> Json:
    """Return what the graphs that a node calls need, as data.

    Args:
        conf: The ``configurable`` of the node.
        is_retry: Whether the node failed before; graphs then go on where they were.
    """
    flags = {key: conf[key] for key in _FLAGS if conf.get(key) is not None}
    if is_retry:
        flags[CONFIG_KEY_RESUMING] = True
    replay = conf.get(CONFIG_KEY_REPLAY_STATE)
    data: Json = {"flags": encode(flags, what="how a run goes on")}
    if replay is not None:
        data["replay"] = [replay.checkpoint_id, sorted(replay._visited_ns)]
    saver = _saver_of_run(conf)
    if saver is not None:
        data["checkpoints"] = _dumped(saver, conf, keep=1 if replay is None else None)
    elif conf.get(CONFIG_KEY_CHECKPOINTER) is not None:
        data["has_own_checkpointer"] = True
    return data


def taken_back(outcome: Json, conf: Json) -> None:
    """Put what the graphs stored where the run has its checkpoints."""
    if (replay := conf.get(CONFIG_KEY_REPLAY_STATE)) is not None:
        replay._visited_ns.update(outcome.get("replayed", ()))
    saver = _saver_of_run(conf)
    if "stored" in outcome and saver is not None:
        for method, *arguments in decode(outcome["stored"]):
            getattr(saver, method)(*arguments)


class CalledGraphs:
    """What the graphs that a node calls find in the config, in the node's activity.

    Attributes:
        configurable: What is to be in ``configurable`` for them.
    """

    def __init__(self, node: Node, request: Json) -> None:
        data = request["called"]
        self._namespace: str = request["namespace"]
        self.configurable: Json = dict(decode(data["flags"]))
        self._saver: _RecordingSaver | None = None
        self._replay: ReplayState | None = None
        if "replay" in data:
            checkpoint_id, visited = data["replay"]
            self._replay = ReplayState(checkpoint_id)
            self._replay._visited_ns.update(visited)
            self.configurable[CONFIG_KEY_REPLAY_STATE] = self._replay
        if "checkpoints" in data:
            self._saver = _RecordingSaver(data["checkpoints"])
            self.configurable[CONFIG_KEY_CHECKPOINTER] = self._saver
        elif data.get("has_own_checkpointer"):
            self.configurable[CONFIG_KEY_CHECKPOINTER] = node.root.checkpointer

    def outcome(self, *, is_value: bool) -> Json:
        """Return what the run is to know of them, once the node is done.

        Args:
            is_value: Whether it has a result. Graphs that it called are not gone on with then, but
                for those that keep a state of their own, whose namespace has no task in it.
        """
        found: Json = {}
        if self._replay is not None:
            found["replayed"] = sorted(self._replay._visited_ns)
        calls = [] if self._saver is None else self._saver.calls
        if is_value:
            calls = [call for call in calls if not _namespace(call).startswith(self._namespace)]
        if calls:
            found["stored"] = encode(calls, what="the checkpoints of a graph that a node calls")
        return found


class _RecordingSaver(WorkflowSaver):
    """The checkpoints of the graphs that one node calls; notes what is stored."""

    def __init__(self, text: str | None) -> None:
        super().__init__()
        self.calls: list[list[Any]] = []
        if text is not None:
            known = load(text)
            self.storage, self.blobs, self.writes = known.storage, known.blobs, known.writes

    def put(
        self, config: RunnableConfig, checkpoint: Any, metadata: Any, new_versions: Any
    ) -> RunnableConfig:
        self.calls.append(["put", _plain(config), dict(checkpoint), dict(metadata), new_versions])
        return super().put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        given = [tuple(write) for write in writes]
        self.calls.append(["put_writes", _plain(config), given, task_id, task_path])
        super().put_writes(config, writes, task_id, task_path)


def _saver_of_run(conf: Json) -> WorkflowSaver | None:
    """Return where the checkpoints are, if that is the memory of the run."""
    saver = conf.get(CONFIG_KEY_CHECKPOINTER)
    if isinstance(saver, WorkflowSaver):
        return saver
    return run_state(WorkflowSaver) if getattr(saver, "is_of_the_run", False) else None


def _dumped(saver: WorkflowSaver, conf: Json, *, keep: int | None) -> str | None:
    """Return the checkpoints of the graphs that the node called before; ``None`` for none.

    Those are below the namespace of its task; of a graph that keeps a state of its own (``compile(
    checkpointer=True)``), below that of the node.
    """
    namespace = conf[CONFIG_KEY_CHECKPOINT_NS]
    thread: str = conf.get(CONFIG_KEY_THREAD_ID, "")
    if thread not in saver.storage:
        return None
    keys = [
        (thread, name, checkpoint_id)
        for name, checkpoints in saver.storage[thread].items()
        if name.startswith(namespace)
        or (NS_END not in name and name.startswith(recast_checkpoint_ns(namespace)))
        for checkpoint_id in sorted(checkpoints)[-keep if keep else 0 :]
    ]
    return told(saver, keys) if keys else None


def _plain(config: RunnableConfig) -> Json:
    """Return as much of a config as a saver in memory looks at."""
    return {CONF: own_values(config.get(CONF, {})), "metadata": dict(config.get("metadata") or {})}


def _namespace(call: list[Any]) -> str:
    namespace: str = call[1][CONF].get(CONFIG_KEY_CHECKPOINT_NS, "")
    return namespace
