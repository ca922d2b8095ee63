"""A campaign at the help desk: conversations go on while workers, servers and the model die."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from crash.helpdesk import AT_MOST_ONCE, STEP_SECONDS, expected
from tests.campaign.kills import Kills

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crash.desk import HelpDesk
    from perdure.approvals import ApprovalRequest
    from perdure.testing.scripted_model import RequestRecord
    from tests.campaign.outcome import Plan
    from tests.campaign.servers import Servers

_MODEL = "model"


class HelpDeskKills(Kills):
    """Carries a plan out at the help desk."""

    others = {_MODEL: 1}  # noqa: RUF012 - nobody changes it
    aimed = 0.5
    step_seconds = STEP_SECONDS
    careful = (AT_MOST_ONCE,)
    # A model call whose answer died with its worker: the next worker has not what it refers to,
    # and is sent everything, as another activity.
    changes_keys = True

    def __init__(self, plan: Plan, desk: HelpDesk, servers: Servers) -> None:
        super().__init__(plan, desk, servers)
        self._runner = desk.runner
        self._model = desk.model

    async def ask(self, talk: str, text: str) -> tuple[str, str | None]:
        """Return what is said, and the id of the response."""
        reply = await self._runner.run(text, session_id=talk, message_id=text)
        return reply.text, reply.response_id

    def is_right(self, text: str, answer: tuple[str, str | None]) -> bool:
        """Return whether that is the answer to this message."""
        return answer[0] == expected(text)

    def is_expected(self, asked: ApprovalRequest) -> bool:
        """Return whether it is about a refund."""
        return asked.tool == "refund"

    async def kill(self, other: str) -> None:
        """Kill the model, or a server."""
        if other == _MODEL:
            self._model.kill()
        else:
            await super().kill(other)

    async def start(self, other: str) -> None:
        """Start it again."""
        if other == _MODEL:
            await self._model.restart()
        else:
            await super().start(other)


def answered_again(requests: Iterable[RequestRecord]) -> int:
    """Return how many requests came to the model that it had answered before."""
    count = 0
    answered: Counter[str] = Counter()
    for request in requests:
        count += answered[request.digest] > 0
        answered[request.digest] += request.sent
    return count
