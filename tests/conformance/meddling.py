"""Programs and executors that do something to what passes between them and a backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perdure.spi import ActivityOutcome, ActivityTask, Executor, HistoryEvent, Program


class MeddlingExecutor:
    """An executor in all respects but those that a flaw overrides."""

    def __init__(self, executor: Executor) -> None:
        self.inner = executor

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def deliver(self, event: HistoryEvent) -> list[HistoryEvent]:
        return [self.changed(entry) for entry in self.inner.deliver(event)]

    def advance(self, at_us: int) -> list[HistoryEvent]:
        return [self.changed(entry) for entry in self.inner.advance(at_us)]

    def changed(self, entry: HistoryEvent) -> HistoryEvent:
        return entry


class MeddlingProgram:
    """A program in all respects but those that a flaw overrides."""

    executor_type: type[MeddlingExecutor] = MeddlingExecutor

    def __init__(self, program: Program) -> None:
        self.inner = program

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    @property
    def workflows(self) -> frozenset[str]:
        return self.inner.workflows

    @property
    def activities(self) -> frozenset[str]:
        return self.inner.activities

    def executor(self, workflow: str) -> Any:
        return self.executor_type(self.inner.executor(workflow))

    def rebuild(
        self, workflow: str, journal: Iterable[HistoryEvent], *, strict: bool = False
    ) -> Any:
        return self.executor_type(self.inner.rebuild(workflow, journal, strict=strict))

    async def run_activity(self, task: ActivityTask) -> ActivityOutcome:
        return await self.inner.run_activity(task)
