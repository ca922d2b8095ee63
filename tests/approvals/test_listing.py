"""Listing: what waits, for whom, from any height."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.approvals.looking import found, the_one
from tests.approvals.workflows import above, guarded, named, refund

if TYPE_CHECKING:
    from perdure.testing import Environment


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["named", "refund", "release"]),
        ({"agent": "support"}, ["refund"]),
        ({"tool": "pay_back"}, ["refund"]),
        ({"session": "chat-1"}, ["refund"]),
        ({"instance_id": "g-1"}, ["release"]),
        ({"root_id": "chat-9"}, ["named"]),
        ({"agent": "support", "instance_id": "g-1"}, []),
        ({"agent": None, "state": None}, ["named", "refund", "release"]),
    ],
    ids=str,
)
async def test_approvals_are_found_by_what_is_on_record(
    env: Environment, options: dict[str, Any], names: list[str]
) -> None:
    await env.client.start(refund, instance_id="r-1")
    await env.client.start(guarded, instance_id="g-1")
    await env.client.start(named, "n-1-approval", "chat-9", instance_id="n-1")

    assert sorted(each.name for each in await found(env, **options)) == names


async def test_those_below_an_instance_are_found_from_any_height(env: Environment) -> None:
    await env.client.start(above, 3, instance_id="top")
    await env.client.start(refund, instance_id="another")
    approval = await the_one(env, root_id="top")

    parent = (await env.client.get(None, approval.instance_id).info()).parent
    assert parent is not None
    assert approval.root_id == parent.instance_id
    for root_id in (parent.instance_id, approval.instance_id):
        assert await the_one(env, root_id=root_id) == approval


async def test_they_are_found_by_state(env: Environment) -> None:
    for instance_id in ("yes", "no", "late", "gone", "open"):
        days = 1 if instance_id == "late" else None
        call = refund.bind(days=days, default="fail")
        await env.client.start(call, instance_id=instance_id)
    ids = {each.instance_id: each.id for each in await found(env)}
    await env.client.approvals.approve(ids["yes"], by="ann")
    await env.client.approvals.deny(ids["no"], by="ann")
    await env.client.get(None, "gone").terminate()
    await env.advance(days=1)

    states = {
        state: [each.instance_id for each in await found(env, state=state)]
        for state in ("waiting", "approved", "denied", "expired", "closed")
    }
    assert states == {
        "waiting": ["open"],
        "approved": ["yes"],
        "denied": ["no"],
        "expired": ["late"],
        "closed": ["gone"],
    }


async def test_a_list_over_several_pages_has_each_once(env: Environment) -> None:
    for number in range(120):
        await env.client.start(refund, number)

    amounts = [each.arguments["amount"] for each in await found(env)]

    assert sorted(amounts) == list(range(120))


@pytest.mark.parametrize("state", ["stored", "open"])
async def test_a_state_that_cannot_be_listed_is_refused(env: Environment, state: str) -> None:
    with pytest.raises(ValueError, match="state is"):
        await found(env, state=state)


async def test_an_unknown_filter_is_refused(env: Environment) -> None:
    with pytest.raises(TypeError, match="no option 'colour'"):
        await found(env, colour="red")


async def test_the_state_is_shown_where_instances_are_listed(env: Environment) -> None:
    await env.client.start(refund)
    approval = await the_one(env)
    record = env.client.get(None, approval.id)
    assert '"state":"waiting"' in str((await record.info()).custom_status_json)

    await env.client.approvals.approve(approval.id, by="ann")

    shown = str((await record.info()).custom_status_json)
    assert '"state":"approved"' in shown
    assert '"by":"ann"' in shown
