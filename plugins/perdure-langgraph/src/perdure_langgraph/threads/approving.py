"""Waiting, in the run of a thread, for people to decide what the interrupts of its graph ask."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import perdure
from perdure_langgraph.threads.approvals import GraphApproval, Question, questions_of, resumed_with

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langgraph.pregel import Pregel
    from langgraph.types import Interrupt, StateSnapshot

    from perdure.approvals import ApprovalDecision
    from perdure_langgraph.threads.approvals import Rules

_ALL = GraphApproval()
# Where a run began is not where it goes on.
_OF_THE_START = ("checkpoint_id", "checkpoint_map")


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvers:
    """Asks people, where the rules say so.

    Attributes:
        graph: What the graph is called.
        rules: Which interrupts are approved, and how.
    """

    graph: str
    rules: Rules

    async def answers(
        self, graph: Pregel[Any, Any, Any, Any], config: Any, interrupts: Sequence[Interrupt]
    ) -> dict[str, Any]:
        """Return answers by interrupt once people have decided; none if they are not to.

        Where this raises, the run ends, which closes what else was asked.

        Raises:
            ApprovalClosedError: One was closed by force.
            ApprovalExpiredError: The deadline of one has passed, and its default is to fail.
        """
        if not interrupts or self.rules == {}:
            return {}
        paths = _paths(await graph.aget_state(config, subgraphs=True))
        session = config["configurable"]["thread_id"]
        asked = {
            it.id: self._answer(it, paths[it.id], rule, session)
            for it in interrupts
            if it.id in paths and (rule := self._rule(paths[it.id])) is not None
        }
        return dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))

    def _rule(self, path: tuple[str, ...]) -> GraphApproval | None:
        return _ALL if self.rules is None else self.rules.get(path[-1])

    async def _answer(
        self, interrupt: Interrupt, path: tuple[str, ...], rule: GraphApproval, session: str
    ) -> Any:
        asked = questions_of(interrupt.value, path=path, is_whole=rule.resume is not None)
        decisions = await asyncio.gather(*(self._decision(it, path, rule, session) for it in asked))
        return resumed_with(interrupt.value, asked, decisions, rule.resume)

    async def _decision(
        self, question: Question, path: tuple[str, ...], rule: GraphApproval, session: str
    ) -> ApprovalDecision:
        return await perdure.request_approval(
            question.name,
            message=question.message,
            arguments=question.arguments,
            tool=question.tool,
            agent=self.graph,
            session=session,
            path=path,
            deadline=rule.deadline,
            default=rule.default,
            approvers=rule.approvers,
        )


def config_to_go_on(config: Any) -> Any:
    """Return the config of a run for what comes after its first interrupt."""
    configurable = config["configurable"]
    kept = {key: value for key, value in configurable.items() if key not in _OF_THE_START}
    return {**config, "configurable": kept}


def _paths(state: StateSnapshot, above: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """Return by interrupt the nodes through which it came up, outermost first."""
    found: dict[str, tuple[str, ...]] = {}
    for task in state.tasks:
        path = (*above, task.name)
        found.update({it.id: path for it in task.interrupts})
        if hasattr(task.state, "tasks"):
            found.update(_paths(task.state, path))  # type: ignore[arg-type]  # a snapshot
    return found
