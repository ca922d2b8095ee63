"""The user's own checkpointer, whose methods are activities in workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langgraph._internal._constants import CONF
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.checkpoint.memory import InMemorySaver

from perdure import RetryPolicy
from perdure.framework import call_activity, in_workflow, run_state
from perdure_langgraph.checkpoints.activity import CHECKPOINTER_ACTIVITY, tuple_from
from perdure_langgraph.checkpoints.saver import WorkflowSaver, next_version
from perdure_langgraph.configs import own_values
from perdure_langgraph.serde import decode, encode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator, Sequence

    from langchain_core.runnables import RunnableConfig

# All methods may be called twice: checkpoints and writes have ids.
_RETRY = RetryPolicy(max_attempts=5)


class RoutingSaver(BaseCheckpointSaver[Any]):
    """The user's checkpointer outside workflows; inside, what can be used there.

    An ``InMemorySaver`` is replaced by the memory of the workflow's run, which its history makes
    again wherever it goes on. Any other one is called in activities.

    Attributes:
        own: The user's checkpointer.
    """

    def __init__(self, own: BaseCheckpointSaver[Any], *, graph: str) -> None:
        super().__init__(serde=own.serde)
        self.own = own
        self._graph = graph

    @property
    def is_of_the_run(self) -> bool:
        """Whether checkpoints live and end with the workflow's run."""
        return isinstance(self.own, InMemorySaver)

    @property
    def config_specs(self) -> list[Any]:
        """Return what the user's checkpointer can be configured by."""
        return self.own.config_specs

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> RoutingSaver:
        """Return one whose serializer knows further types."""
        return RoutingSaver(self.own.with_allowlist(extra_allowlist), graph=self._graph)

    def get_next_version(self, current: Any, channel: None) -> Any:
        """Return the version after ``current``; in a workflow, a replay returns the same one."""
        if not in_workflow():
            return self.own.get_next_version(current, channel)
        if type(self.own).get_next_version is BaseCheckpointSaver.get_next_version:
            return self.own.get_next_version(current, channel)
        return next_version(current)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint; not for workflows."""
        return self.own.get_tuple(config)

    def list(self, config: RunnableConfig | None, **options: Any) -> Iterator[CheckpointTuple]:
        """Yield checkpoints; not for workflows."""
        return self.own.list(config, **options)

    def put(self, *args: Any, **options: Any) -> RunnableConfig:
        """Store a checkpoint; not for workflows."""
        return self.own.put(*args, **options)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store the writes of a task; not for workflows."""
        self.own.put_writes(config, writes, task_id, task_path)

    def delete_thread(self, thread_id: str) -> None:
        """Delete the checkpoints of a thread; not for workflows."""
        self.own.delete_thread(thread_id)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint."""
        if (near := self._near()) is not None:
            return await near.aget_tuple(config)
        found = await self._call("get_tuple", config=_plain(config))
        return None if found is None else tuple_from(found)

    async def alist(
        self, config: RunnableConfig | None, **options: Any
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield checkpoints, the newest first."""
        if (near := self._near()) is not None:
            async for each in near.alist(config, **options):
                yield each
            return
        if (before := options.get("before")) is not None:
            options = {**options, "before": _plain(before)}
        for found in await self._call("list", config=_plain(config), **options):
            yield tuple_from(found)

    async def aput(
        self, config: RunnableConfig, checkpoint: Any, metadata: Any, new_versions: Any
    ) -> RunnableConfig:
        """Store a checkpoint."""
        if (near := self._near()) is not None:
            return await near.aput(config, checkpoint, metadata, new_versions)
        made: RunnableConfig = await self._call(
            "put",
            config=_plain(config),
            checkpoint=checkpoint,
            metadata=metadata,
            new_versions=new_versions,
        )
        return made

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store the writes of a task."""
        if (near := self._near()) is not None:
            await near.aput_writes(config, writes, task_id, task_path)
            return
        plain = [tuple(write) for write in writes]
        given = {"config": _plain(config), "writes": plain, "task_id": task_id}
        await self._call("put_writes", **given, task_path=task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete the checkpoints of a thread."""
        if (near := self._near()) is not None:
            await near.adelete_thread(thread_id)
            return
        await self._call("delete_thread", thread_id=thread_id)

    def _near(self) -> BaseCheckpointSaver[Any] | None:
        """Return the checkpointer to call right here; ``None`` if that is for an activity."""
        if not in_workflow():
            return self.own
        return run_state(WorkflowSaver) if self.is_of_the_run else None

    async def _call(self, method: str, **arguments: Any) -> Any:
        def request() -> dict[str, Any]:
            what = f"what {method} of the checkpointer of graph {self._graph!r} is given"
            given = encode(arguments, what=what)
            return {"request": {"graph": self._graph, "method": method, "arguments": given}}

        return decode(await call_activity(CHECKPOINTER_ACTIVITY, request, retry=_RETRY))


def _plain(config: RunnableConfig | None) -> Any:
    """Return as much of a config as checkpointers look at."""
    if config is None:
        return None
    plain: dict[str, Any] = {CONF: own_values(config.get(CONF, {}))}
    if metadata := config.get("metadata"):
        plain["metadata"] = dict(metadata)
    return plain
