"""Tokens are fetched once for all, renewed ahead of their end, and fetched anew once refused."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from azure_kit.signing import AUDIENCE, claims_of, now_seconds
from azure_kit.waiting import wait_until

from perdure.clock import SystemClock, from_us
from perdure.errors import AuthenticationFailedError
from perdure.testing.manual_clock import ManualClock
from perdure_azure.credentials import Authentication, AuthenticationKind
from perdure_azure.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure_kit.host_identity import VirtualMachine
    from azure_kit.programs import Programs
    from azure_kit.signing import Signer

MANAGED = Authentication(kind=AuthenticationKind.MANAGED_IDENTITY)
NONE = Authentication(kind=AuthenticationKind.NONE)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(from_us(SystemClock().now_us()))


@pytest.fixture
def tokens(machine: VirtualMachine, clock: ManualClock) -> Iterator[Tokens]:
    """Tokens that live for an hour of a clock that is moved by hand."""
    machine.life_seconds = 3600
    tokens = Tokens(MANAGED, audience=AUDIENCE, make_clock=lambda: clock)
    yield tokens
    tokens.close()


def advance(clock: ManualClock, **duration: float) -> None:
    clock.move_to(clock.now_us() + int(timedelta(**duration).total_seconds() * 1_000_000))


def now(tokens: Tokens) -> str:
    return tokens.get_token(tokens.scope).token


def test_a_token_is_kept_until_ten_minutes_before_its_end(
    programs: Programs, signer: Signer, clock: ManualClock
) -> None:
    # The Azure CLI keeps none between its runs.
    programs.add_az(signer.token(), expires_on=now_seconds() + 3600)
    authentication = Authentication(kind=AuthenticationKind.AZURE_CLI)
    tokens = Tokens(authentication, audience=AUDIENCE, make_clock=lambda: clock)
    first = now(tokens)
    advance(clock, minutes=49, seconds=50)
    assert now(tokens) == first
    assert len(programs.calls("az")) == 1
    programs.add_az(signer.token(), expires_on=now_seconds() + 7200)
    advance(clock, seconds=10)
    assert now(tokens) == first
    wait_until(lambda: now(tokens) != first)
    assert len(programs.calls("az")) == 2


def test_the_old_token_is_shown_while_a_new_one_is_fetched(
    machine: VirtualMachine, tokens: Tokens, clock: ManualClock
) -> None:
    machine.life_seconds = 240  # which msal does not keep, so that it asks again
    first = now(tokens)
    machine.may_answer.clear()
    advance(clock, minutes=3, seconds=15)
    assert {now(tokens) for _ in range(20)} == {first}
    wait_until(lambda: len(machine.requests) == 2)
    machine.may_answer.set()
    wait_until(lambda: now(tokens) != first)
    assert len(machine.requests) == 2


def test_a_refresh_that_brings_the_same_token_is_not_repeated_at_once(
    machine: VirtualMachine, tokens: Tokens, clock: ManualClock
) -> None:
    # msal keeps a token until 5 minutes before its end by the real clock, which has not moved.
    first = now(tokens)
    advance(clock, minutes=51)
    assert {now(tokens) for _ in range(50)} == {first}
    assert len(machine.requests) == 1


def test_a_token_is_not_shown_after_its_end(tokens: Tokens, clock: ManualClock) -> None:
    now(tokens)
    advance(clock, minutes=60)
    # What comes is the same again, and is not shown either.
    with pytest.raises(AuthenticationFailedError, match=r"had ended when it came.*true time"):
        now(tokens)


def test_a_token_that_was_refused_is_fetched_anew(machine: VirtualMachine, tokens: Tokens) -> None:
    first = now(tokens)
    tokens.invalidate()
    assert now(tokens) != first
    assert len(machine.requests) == 2


def test_refusals_soon_after_each_other_bring_one_new_token(
    machine: VirtualMachine, tokens: Tokens, clock: ManualClock
) -> None:
    for _ in range(10):
        tokens.invalidate()
        now(tokens)
    assert len(machine.requests) == 1
    advance(clock, seconds=11)
    tokens.invalidate()
    now(tokens)
    assert len(machine.requests) == 2


def test_a_failing_endpoint_is_asked_once_a_second(
    machine: VirtualMachine, tokens: Tokens, clock: ManualClock
) -> None:
    machine.is_failing = True
    for _ in range(5):
        with pytest.raises(AuthenticationFailedError):
            now(tokens)
    assert len(machine.requests) == 1
    machine.is_failing = False
    advance(clock, seconds=1.1)
    now(tokens)


def test_microsofts_sdk_is_given_the_new_token_at_once(tokens: Tokens) -> None:
    from durabletask.azuremanaged.internal.access_token_manager import AccessTokenManager

    credential = tokens.for_sdk()
    manager = AccessTokenManager(credential, resource_id=AUDIENCE)
    first, again = manager.get_access_token(), manager.get_access_token()
    assert first is not None
    assert again is not None
    assert first.token == again.token == now(tokens)
    tokens.invalidate()
    second = manager.get_access_token()
    assert second is not None
    assert second.token == now(tokens) != first.token


def test_other_services_get_tokens_for_themselves(machine: VirtualMachine, tokens: Tokens) -> None:
    credential = tokens.for_other_services()
    assert credential is not None
    stored = {credential.get_token("https://storage.azure.com/.default").token for _ in range(3)}
    (token,) = stored
    assert claims_of(token)["aud"] == "https://storage.azure.com"
    assert claims_of(now(tokens))["aud"] == AUDIENCE
    assert len(machine.requests) == 2


async def test_the_header_names_the_token(tokens: Tokens) -> None:
    assert await tokens.header() == f"Bearer {now(tokens)}"


async def test_without_authentication_there_is_no_header() -> None:
    tokens = Tokens(NONE, audience=AUDIENCE)
    assert tokens.is_anonymous
    assert await tokens.header() is None
    assert tokens.for_sdk() is None
    assert tokens.for_other_services() is None
    with pytest.raises(AuthenticationFailedError, match="access is anonymous"):
        now(tokens)


async def test_a_slow_fetch_does_not_stop_the_loop_and_outlives_who_asked(
    machine: VirtualMachine, tokens: Tokens
) -> None:
    machine.may_answer.clear()
    impatient = asyncio.create_task(tokens.header())
    patient = asyncio.create_task(tokens.header())
    while not machine.requests:
        await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    machine.may_answer.set()
    assert await patient is not None
    assert len(machine.requests) == 1


def test_closed_tokens_say_so(tokens: Tokens) -> None:
    now(tokens)
    tokens.close()
    tokens.close()
    with pytest.raises(AuthenticationFailedError, match="closed"):
        now(tokens)
