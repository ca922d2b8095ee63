"""The workflows that are measured: empty activities, so that what is left is perdure's own cost."""

from __future__ import annotations

import asyncio

import perdure

registry = perdure.Registry()


@registry.activity
async def echo(value: int) -> int:
    """Give the value back, on perdure's loop."""
    return value


@registry.activity
def echo_in_thread(value: int) -> int:
    """Give the value back, from a thread."""
    return value


@registry.activity
async def echo_text(text: str) -> str:
    """Give a text back."""
    return text


@registry.workflow
async def chain(steps: int) -> int:
    """Run activities one after the other."""
    value = 0
    for number in range(steps):
        value = await echo(number)
    return value


@registry.workflow
async def chain_in_threads(steps: int) -> int:
    """Run ``def`` activities one after the other."""
    value = 0
    for number in range(steps):
        value = await echo_in_thread(number)
    return value


@registry.workflow
async def fan_out(width: int) -> int:
    """Run activities all at once."""
    return sum(await asyncio.gather(*(echo(number) for number in range(width))))


@registry.workflow
async def carry(text: str) -> str:
    """Pass a payload through one activity."""
    return await echo_text(text)


@registry.workflow
async def chain_and_wait(steps: int) -> int:
    """Finish many steps, then wait for an event and do one more."""
    for number in range(steps):
        await echo(number)
    return await echo(await perdure.wait_for_event("go", int))


def app(path: object) -> perdure.App:
    """Return an app of all of them on a file of its own."""
    made = perdure.App("bench", backend=f"sqlite:///{path}")
    made.include(registry)
    return made
