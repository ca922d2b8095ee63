"""The contract about servers can be kept, and can fail, though the embedded engine has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import perdure
from perdure.testing import BackendHub, BackendTarget, contract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KILLED = contract.ServerRecovery.test_nothing_is_lost_or_done_again_when_the_server_dies

pytestmark = pytest.mark.timeout(60)


class _SoundServer:
    """Comes back with all it had."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.kills = 0

    def kill(self) -> None:
        self.kills += 1

    def start(self) -> None: ...


class _ForgetfulServer(_SoundServer):
    """Comes back without the instances it had."""

    def start(self) -> None:
        with perdure.App("forget", backend=self.url).client() as client:
            for info in client.list(status="running"):
                client.get(None, info.instance_id).terminate(reason="forgotten")


@pytest.fixture
def target(tmp_path: Path) -> Iterator[BackendTarget]:
    target = BackendTarget(f"sqlite:///{tmp_path / 'hub.db'}", folder=tmp_path)
    yield target
    target.close()


def _hold(target: BackendTarget) -> None:
    registry = contract.ServerRecovery.registry
    with BackendHub(target, registry, is_in_real_time=True) as hub:
        _KILLED(contract.ServerRecovery(), hub)


def test_a_server_that_keeps_its_state_keeps_the_contract(target: BackendTarget) -> None:
    server = target.server = _SoundServer(target.url)
    _hold(target)
    assert server.kills == 2


def test_a_server_that_forgets_is_caught(target: BackendTarget) -> None:
    target.server = _ForgetfulServer(target.url)
    # Of an instance, or of one of its children.
    errors = (perdure.WorkflowTerminatedError, perdure.WorkflowFailedError)
    with pytest.raises(errors, match="forgotten"):
        _hold(target)


def test_without_a_server_the_contract_is_skipped_and_says_so(target: BackendTarget) -> None:
    with pytest.raises(pytest.skip.Exception, match="no server"):
        _hold(target)
