"""A server that is killed at any moment goes on where it was."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from azure_kit.actions import finish, schedule, start_child, timer
from azure_kit.hub import PATIENCE, BareWorker, Hub
from azure_kit.stand_in import StandIn
from durabletask.internal import orchestrator_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.crash

WORKER = Path(__file__).with_name("killed_worker.py")


@pytest.fixture
def restarted(own_server: StandIn) -> Iterator[Restarter]:
    restarter = Restarter(own_server)
    yield restarter
    restarter.hub.close()


class Restarter:
    """Kills the server, and connects again to the next one."""

    def __init__(self, server: StandIn) -> None:
        self._server = server
        self.hub = Hub(server, "default")

    def kill_server(self) -> Hub:
        self.hub.close()
        self._server.kill()
        self._server.start()
        self.hub = Hub(self._server, "default")
        return self.hub


def test_turn_that_was_under_way_is_offered_again(restarted: Restarter) -> None:
    hub = restarted.hub
    hub.start("job", "job", input={"value": "5"}, tags={"team": "blue"})
    hub.stub.RaiseEvent(pb.RaiseEventRequest(instanceId="job", name="one"))
    lost = BareWorker(hub).next()
    hub = restarted.kill_server()
    with BareWorker(hub) as worker:
        again = worker.next()
        events = again.orchestratorRequest.newEvents
        assert [event.eventRaised.name for event in events[2:]] == ["one"]
        with pytest.raises(grpc.RpcError, match="completion token"):
            worker.complete(lost, finish("lost"))
        worker.complete(again, finish("kept"))
    state = hub.finished("job")
    assert (state.output.value, state.input.value, dict(state.tags)) == (
        "kept",
        "5",
        {"team": "blue"},
    )


def test_activity_that_was_under_way_is_offered_again_and_finished_ones_are_not(
    restarted: Restarter,
) -> None:
    restarted.hub.start("job", "job")
    with BareWorker(restarted.hub) as worker:
        worker.complete(worker.next(), schedule(1, "done"), schedule(2, "lost"))
        worker.give(worker.next(), "1")
        assert worker.next()
    hub = restarted.kill_server()
    with BareWorker(hub) as worker:
        items = [worker.next(), worker.next()]
    (turn,) = [item.orchestratorRequest for item in items if item.HasField("orchestratorRequest")]
    (activity,) = [item.activityRequest for item in items if item.HasField("activityRequest")]
    assert activity.name == "lost"
    assert turn.newEvents[-1].taskCompleted.taskScheduledId == 1


def test_timers_and_children_survive(restarted: Restarter) -> None:
    restarted.hub.start("job", "job")
    with BareWorker(restarted.hub) as worker:
        fire_at = datetime.now(UTC) + timedelta(seconds=0.3)
        worker.complete(worker.next(), timer(1, fire_at), start_child(2, "child"))
    hub = restarted.kill_server()
    with BareWorker(hub) as worker:
        child = worker.next()
        assert child.orchestratorRequest.instanceId == "child"
        worker.complete(child, finish("1"))
        told: set[str | None] = set()
        while len(told) < 2:
            item = worker.next()
            told |= {
                event.WhichOneof("eventType") for event in item.orchestratorRequest.newEvents[1:]
            }
            worker.complete(item)
    assert told == {"timerFired", "subOrchestrationInstanceCompleted"}


def test_what_was_accepted_is_there_after_each_of_many_kills(restarted: Restarter) -> None:
    ids = []
    for number in range(5):
        ids.append(restarted.hub.start(instance_id=f"i{number}"))
        restarted.kill_server()
    states = restarted.hub.client.get_all_orchestration_states()
    assert sorted(state.instance_id for state in states) == ids


def test_order_of_events_survives(restarted: Restarter) -> None:
    restarted.hub.start("job", "job")
    for name in "abc":
        restarted.hub.stub.RaiseEvent(pb.RaiseEventRequest(instanceId="job", name=name))
    hub = restarted.kill_server()
    for name in "def":
        hub.stub.RaiseEvent(pb.RaiseEventRequest(instanceId="job", name=name))
    with BareWorker(hub) as worker:
        events = worker.next().orchestratorRequest.newEvents
    assert [event.eventRaised.name for event in events[2:]] == list("abcdef")


def test_work_of_a_killed_worker_goes_to_another(hub: Hub, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    hub.start("chain", "chain", input={"value": "[]"})
    arguments = [sys.executable, str(WORKER), hub.server.address, hub.name, str(marks)]
    for ending in ("die", "live"):
        worker = subprocess.Popen([*arguments, ending], stdin=subprocess.PIPE)
        if ending == "die":
            assert worker.wait(PATIENCE) == -signal.SIGKILL
        else:
            assert hub.finished("chain").output.value == "6"
            os.kill(worker.pid, signal.SIGTERM)
            worker.wait(PATIENCE)
        assert worker.stdin is not None
        worker.stdin.close()
    assert marks.read_text().split() == ["0", "1", "2", "2", "3", "4", "5"]


def test_server_ends_cleanly_when_asked(own_server: StandIn) -> None:
    hub = Hub(own_server, "default")
    hub.start("job", "job")
    with BareWorker(hub) as worker:
        worker.next()
        assert own_server.stop() == 0
    hub.close()
    own_server.start()
    hub = Hub(own_server, "default")
    assert hub.state("job").name == "job"
    hub.close()


def test_file_of_another_version_is_refused_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    with contextlib.closing(sqlite3.connect(folder / "default.db")) as file:
        file.execute("CREATE TABLE Instances (InstanceID TEXT)")
    with pytest.raises(ValueError, match="made by another version"):
        StandIn(folder).start()
    with contextlib.closing(sqlite3.connect(folder / "default.db")) as file:
        assert file.execute("SELECT name FROM sqlite_master").fetchall() == [("Instances",)]


def test_second_server_on_the_same_folder_is_refused(own_server: StandIn, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="another dts-stand-in runs on"):
        StandIn(tmp_path / "data").start()
    assert own_server.admin("/health") == {"healthy": True}
