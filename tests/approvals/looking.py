"""What tests look up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perdure import Approval
    from perdure.testing import Environment


async def found(env: Environment, **options: Any) -> list[Approval]:
    """Return the approvals that match, once nothing is left to do."""
    await env.settle()
    return [approval async for approval in env.client.approvals.list(**options)]


async def the_one(env: Environment, **options: Any) -> Approval:
    """Return the only approval that matches."""
    (approval,) = await found(env, **options)
    return approval
