"""Checkpoints of a thread as text: for its next run, for a request, and back from it."""

from __future__ import annotations

from typing import Any

from langgraph._internal._constants import NS_END

from perdure_langgraph.checkpoints.saver import WorkflowSaver
from perdure_langgraph.serde import decode, encode

_Key = tuple[str, str, str]


def dump(saver: WorkflowSaver, *, keep: int | None) -> str:
    """Return the newest ``keep`` checkpoints of each namespace, or all, as text.

    Those of a sub-graph's run are left out with the checkpoint of the run that it was in.
    """
    return told(saver, _newest(saver, keep))


def told(saver: WorkflowSaver, keys: list[_Key]) -> str:
    """Return the checkpoints that ``keys`` name, each by thread, namespace and id, as text."""
    return _told(saver, keys, {key: dict(saver.writes[key]) for key in keys if key in saver.writes})


def added(saver: WorkflowSaver, before: WorkflowSaver) -> str:
    """Return what ``saver`` has and ``before`` does not, as text."""
    old = set(_newest(before, None))
    new = [key for key in _newest(saver, None) if key not in old]
    writes = {
        key: dict(written)
        for key, written in saver.writes.items()
        if written != before.writes.get(key)
    }
    return _told(saver, new, writes)


def load(text: str | None) -> WorkflowSaver:
    """Return a saver with what was told."""
    saver = WorkflowSaver()
    if text is not None:
        merge(saver, text)
    return saver


def merge(saver: WorkflowSaver, text: str) -> None:
    """Add what was told to ``saver``."""
    checkpoints, blobs, writes = decode(text)
    for (thread, namespace, checkpoint_id), stored in checkpoints:
        saver.storage[thread][namespace][checkpoint_id] = tuple(map(_tupled, stored))
    saver.blobs.update({tuple(key): tuple(value) for key, value in blobs})
    for key, items in writes:
        saver.writes[tuple(key)] = {tuple(at): tuple(map(_tupled, it)) for at, it in items}


def _newest(saver: WorkflowSaver, keep: int | None) -> list[_Key]:
    kept: list[_Key] = []
    for thread, namespaces in saver.storage.items():
        roots = set(sorted(namespaces.get("", {}))[-keep:] if keep else namespaces.get("", {}))
        for namespace, checkpoints in namespaces.items():
            ids = sorted(checkpoints)[-keep:] if keep else sorted(checkpoints)
            kept.extend(
                (thread, namespace, checkpoint_id)
                for checkpoint_id in ids
                if NS_END not in namespace or _root_of(saver, checkpoints[checkpoint_id]) in roots
            )
    return kept


def _root_of(saver: WorkflowSaver, stored: Any) -> Any:
    """Return the checkpoint of the whole graph that one of a sub-graph's run belongs to."""
    return saver.serde.loads_typed(stored[1]).get("parents", {}).get("")


def _told(saver: WorkflowSaver, keys: list[_Key], writes: dict[Any, Any]) -> str:
    checkpoints: list[Any] = []
    blobs: dict[Any, Any] = {}
    for thread, namespace, checkpoint_id in keys:
        stored = saver.storage[thread][namespace][checkpoint_id]
        checkpoints.append([[thread, namespace, checkpoint_id], list(stored)])
        versions = saver.serde.loads_typed(stored[0])["channel_versions"]
        for channel, version in versions.items():
            key: Any = (thread, namespace, channel, version)
            if key in saver.blobs:
                blobs[key] = saver.blobs[key]
    written = [
        [list(key), [[list(at), it] for at, it in items.items()]] for key, items in writes.items()
    ]
    state = [checkpoints, [[list(key), blob] for key, blob in blobs.items()], written]
    return encode(state, what="the checkpoints of a thread")


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
