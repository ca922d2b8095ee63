"""The same graph, durable: a kill undoes nothing that a node has done, and no review it awaits.

::

    python -m examples.claim_processing.durable     # then, elsewhere: perdure approvals list

Killed and started again, it goes on where it was.
"""

from __future__ import annotations

import asyncio

from perdure_langgraph import DurableGraphRunner

import perdure
from examples.claim_processing.graph import CLAIM, claims

app = perdure.App("claim-processing")
runner = DurableGraphRunner(claims().compile(), app=app, name="claims", approvals=True)


async def main() -> None:
    """Process the claim, and wait as long as the review takes."""
    async with app.run():
        print("Asked. Review it: perdure approvals list; perdure approvals approve ID")
        found = await runner.ainvoke({"claim": CLAIM}, thread_id=CLAIM, request_id="received")
        print(found["outcome"])


if __name__ == "__main__":
    asyncio.run(main())
