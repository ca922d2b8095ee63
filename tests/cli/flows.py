"""Workflows of all fates, which the command line runs, steers and looks at."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import perdure

app = perdure.App("flows")


@app.activity(
    retry=perdure.RetryPolicy(max_attempts=3, initial_interval=timedelta(milliseconds=50))
)
async def price_of(city: str) -> int:
    if city == "Rome" and perdure.current_activity().attempt < 3:
        raise OSError("the line is busy")
    return len(city) * 100


@app.activity(retry=perdure.RetryPolicy.none())
async def refuse(why: str) -> str:
    raise ValueError(why)


@app.workflow
async def pay(amount: int) -> int:
    return amount


@app.workflow
async def plan_trip(cities: list[str]) -> str:
    prices = await asyncio.gather(*(price_of(city) for city in cities))
    perdure.set_custom_status({"cities": len(cities)})
    await asyncio.sleep(0.05)
    await pay(min(prices))
    return f"{cities[0]} for {min(prices)}"


@app.workflow
async def fail(why: str) -> None:
    await refuse(why)


@app.workflow
async def echo(value: object = None) -> object:
    return value


@app.workflow
async def approve() -> object:
    return await perdure.wait_for_event("approval")


@app.workflow
async def settle(amount: int) -> object:
    decision = await perdure.request_approval(
        "refund", arguments={"amount": amount}, message="a refund?", tool="pay_back"
    )
    return {"approved": decision.approved, "by": decision.by, "arguments": decision.arguments}
