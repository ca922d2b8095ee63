"""A campaign at the desk of the claims: threads go on while workers and servers die."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graph_kills.claims import SECONDS, expected

from tests.campaign.kills import Kills

if TYPE_CHECKING:
    from graph_kills.desk import ClaimsDesk

    from perdure.approvals import ApprovalRequest
    from tests.campaign.outcome import Plan
    from tests.campaign.servers import Servers


class ClaimsKills(Kills):
    """Carries a plan out at the desk of the claims."""

    aimed = 0.6
    step_seconds = SECONDS

    def __init__(self, plan: Plan, desk: ClaimsDesk, servers: Servers) -> None:
        super().__init__(plan, desk, servers)
        self._runner = desk.runner

    async def ask(self, talk: str, text: str) -> Any:
        """Return what comes of a claim."""
        found = await self._runner.ainvoke({"call": text}, thread_id=talk, request_id=text)
        return found.get("answer")

    def is_right(self, text: str, answer: Any) -> bool:
        """Return whether that comes of this claim."""
        return bool(answer == expected(text))

    def is_expected(self, asked: ApprovalRequest) -> bool:
        """Return whether it is the node that asks."""
        return asked.path == ("ask",)
