"""The agent whose actions are counted: ``python -m`` this module."""

from __future__ import annotations

import logging
from typing import Any

from perdure_bench.agents.agent import QUESTION
from perdure_bench.agents.agent_side import AgentSide
from perdure_bench.billing.journals import count_instances
from perdure_bench.sides.serving import serve


class CountedAgent(AgentSide):
    """The durable agent; what an answer leaves is told by its journals."""

    async def do(self, order: dict[str, Any]) -> dict[str, Any]:
        """Have it answer once; return what the journals of that say."""
        before = {info.instance_id async for info in self._client.list()}
        await self._ask(QUESTION)
        after = {info.instance_id async for info in self._client.list()}
        counted = await count_instances(self._client, sorted(after - before))
        return dict(counted.kinds)


if __name__ == "__main__":
    logging.disable(logging.INFO)
    side = CountedAgent(is_durable=True)
    serve(side, more={"do": side.do})
