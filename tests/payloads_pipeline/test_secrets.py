"""Secrets are stored encrypted or not at all, and shown nowhere."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure.payloads import ParameterConverter
from perdure.payloads.secret import _Ring
from tests.payloads_pipeline.world import KEYS, SECONDS, registry

if TYPE_CHECKING:
    from tests.payloads_pipeline.world import World

WORD = "open-sesame"


@dataclass
class Login:
    user: str
    password: perdure.Secret[str]
    pins: list[perdure.Secret[int]]


@registry.activity
def log_in(login: Login, token: perdure.Secret[str]) -> perdure.Secret[str]:
    assert login.pins == [perdure.Secret(4711)]
    return perdure.Secret(login.password.reveal() + token.reveal())


@registry.workflow
async def session(login: Login, token: perdure.Secret[str]) -> bool:
    return (await log_in(login, token)).reveal() == WORD + WORD


@pytest.fixture(autouse=True)
def _own_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Ring, "keys", ())
    monkeypatch.delenv("PERDURE_PAYLOAD_KEYS", raising=False)


def _login() -> Login:
    return Login("ali", perdure.Secret(WORD), [perdure.Secret(4711)])


async def test_a_secret_reaches_the_code_and_nothing_else(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.app(keys=KEYS).run() as client:
        handle = await client.start(session, _login(), perdure.Secret(WORD), instance_id="a")
        assert await handle.result(timeout=SECONDS)
        shown = f"{await handle.history()} {await handle.info()} {caplog.text} {world.raw()}"
    assert WORD not in shown
    assert "4711" not in shown
    assert "perdure-secret:" in shown


def test_without_a_key_it_is_refused() -> None:
    converter = ParameterConverter(log_in.local, owner="activity 'log_in'")
    with pytest.raises(perdure.PayloadError, match="PERDURE_PAYLOAD_KEYS") as caught:
        converter.encode(converter.bind((_login(), perdure.Secret(WORD)), {}))
    assert WORD not in str(caught.value)


def test_it_shows_itself_to_nobody_who_does_not_ask() -> None:
    secret = perdure.Secret(WORD)
    assert WORD not in f"{secret!r} {secret} {[secret]} {_login()}"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secret)
