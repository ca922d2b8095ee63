"""The checkpoints of a thread as JSON, for when its workflow begins its next run."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from perdure_langgraph.saver import WorkflowSaver
from perdure_langgraph.serde import decode, encode


def dump(saver: WorkflowSaver, *, keep: int) -> str:
    """Return the newest ``keep`` checkpoints of each namespace, as text."""
    storage: dict[str, Any] = {}
    blobs: dict[Any, Any] = {}
    writes: dict[Any, Any] = {}
    for thread, namespaces in saver.storage.items():
        for namespace, checkpoints in namespaces.items():
            kept = dict(sorted(checkpoints.items())[-keep:])
            storage.setdefault(thread, {})[namespace] = kept
            for checkpoint_id, stored in kept.items():
                versions = saver.serde.loads_typed(stored[0])["channel_versions"]
                for channel, version in versions.items():
                    key: Any = (thread, namespace, channel, version)
                    if key in saver.blobs:
                        blobs[key] = saver.blobs[key]
                if (key := (thread, namespace, checkpoint_id)) in saver.writes:
                    writes[key] = dict(saver.writes[key])
    state = [storage, list(blobs.items()), list(writes.items())]
    return encode(state, what="the checkpoints of a thread")


def load(text: str) -> WorkflowSaver:
    """Return the saver of :func:`dump`."""
    storage, blobs, writes = decode(text)
    saver = WorkflowSaver()
    for thread, namespaces in storage.items():
        for namespace, checkpoints in namespaces.items():
            saver.storage[thread][namespace].update(
                {key: tuple(map(_tupled, value)) for key, value in checkpoints.items()}
            )
    saver.blobs.update({tuple(key): tuple(value) for key, value in blobs})
    saver.writes = defaultdict(dict)
    for key, items in writes:
        saver.writes[tuple(key)] = {tuple(at): tuple(map(_tupled, it)) for at, it in items.items()}
    return saver


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
