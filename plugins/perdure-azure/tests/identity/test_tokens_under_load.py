"""Many threads and tasks, and tokens that live for seconds, in real time."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from azure_kit.waiting import wait_on_loop_until, wait_until

from perdure.errors import AuthenticationFailedError
from perdure_azure.credentials import AuthenticationKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure_kit.host_identity import VirtualMachine
    from azure_kit.signing import Signer

    from perdure_azure.tokens import Tokens

    from .conftest import MakeTokens

THREADS = 24
TASKS = 24


@pytest.fixture
def tokens(machine: VirtualMachine, make_tokens: MakeTokens) -> Tokens:
    machine.life_seconds = 2
    return make_tokens(AuthenticationKind.MANAGED_IDENTITY)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(THREADS) as pool:
        yield pool


def test_many_callers_at_the_start_share_one_fetch(
    machine: VirtualMachine, tokens: Tokens, pool: ThreadPoolExecutor
) -> None:
    machine.may_answer.clear()
    ready = threading.Barrier(THREADS + 1)

    def ask() -> str:
        ready.wait()
        return tokens.get_token(tokens.scope).token

    asked = [pool.submit(ask) for _ in range(THREADS)]
    ready.wait()
    wait_until(lambda: bool(machine.requests))
    machine.may_answer.set()
    assert len({future.result() for future in asked}) == 1
    assert len(machine.requests) == 1


async def test_no_caller_ever_has_a_token_that_has_ended(
    machine: VirtualMachine, tokens: Tokens, pool: ThreadPoolExecutor, signer: Signer
) -> None:
    stop = threading.Event()
    seen: set[str] = set()
    bad: list[str] = []

    def note(token: str) -> None:
        seen.add(token)
        if not signer.has_signed(token):
            bad.append(token)

    def in_a_thread() -> int:
        calls = 0
        while not stop.wait(0.001):
            note(tokens.get_token(tokens.scope).token)
            calls += 1
        return calls

    async def in_a_task() -> int:
        calls = 0
        while not stop.is_set():
            header = await tokens.header()
            assert header is not None
            note(header.removeprefix("Bearer "))
            calls += 1
            await asyncio.sleep(0.001)
        return calls

    threads = [asyncio.wrap_future(pool.submit(in_a_thread)) for _ in range(THREADS)]
    tasks = [asyncio.create_task(in_a_task()) for _ in range(TASKS)]
    await wait_on_loop_until(lambda: len(seen) >= 4)
    stop.set()
    calls = sum(await asyncio.gather(*threads, *tasks))
    assert not bad
    assert machine.most_at_once == 1
    # The last may have come when all had stopped.
    assert 4 <= len(seen) <= len(machine.requests) <= len(seen) + 1 < calls // 100


def test_while_the_endpoint_is_down_the_old_token_goes_on(
    machine: VirtualMachine,
    tokens: Tokens,
    signer: Signer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine.life_seconds = 4
    first = tokens.get_token(tokens.scope).token
    machine.is_failing = True

    def has_failed_twice() -> bool:
        token = tokens.get_token(tokens.scope).token
        return len(machine.requests) >= 3 and token == first and signer.has_signed(token)

    wait_until(has_failed_twice)
    machine.is_failing = False
    wait_until(lambda: tokens.get_token(tokens.scope).token != first)
    (warning, *_) = [record for record in caplog.records if record.name == "perdure_azure.tokens"]
    assert "the old one is good for" in warning.getMessage()
    assert "Identity not found" in warning.getMessage()


def test_once_the_old_token_has_ended_the_failure_is_told_until_the_endpoint_is_back(
    machine: VirtualMachine, tokens: Tokens
) -> None:
    tokens.get_token(tokens.scope)
    machine.is_failing = True

    def fails() -> bool:
        try:
            tokens.get_token(tokens.scope)
        except AuthenticationFailedError:
            return True
        return False

    wait_until(fails)
    machine.is_failing = False
    wait_until(lambda: not fails())
