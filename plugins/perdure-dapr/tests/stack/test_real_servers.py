"""Dapr's own servers: healthy in time, on loopback only, killed and started again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from stack.sidecar_http import STORE, ask

from perdure.stack import ServerNotHealthyError
from perdure_dapr.stack import DaprStack, StackOptions
from tests.stack.listeners import LOOPBACK, listeners

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Start = Callable[..., DaprStack]

_ECHO = """\
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: parrot
spec:
  type: conversation.echo
  version: v1
"""


@pytest.mark.serial
def test_it_is_up_in_under_three_seconds(start: Start) -> None:
    begun = time.monotonic()
    stack = start()
    assert time.monotonic() - begun < 3
    assert [server.name for server in stack.status()] == ["placement", "scheduler", "daprd"]
    assert ask(stack, "/v1.0/healthz") == (204, "")


def test_the_sidecar_is_ready_for_workflows(start: Start) -> None:
    stack = start(StackOptions(app_id="trips"))
    status, metadata = ask(stack, "/v1.0/metadata")
    assert (status, metadata["id"]) == (200, "trips")
    assert [each["type"] for each in metadata["components"]] == ["state.sqlite"]
    assert metadata["actorRuntime"]["placement"] == "placement: connected"
    ports = stack.record().ports
    assert f"host=127.0.0.1:{ports['daprd.internal']}" in stack.log("placement")
    scheduler = ports["scheduler.grpc"]
    assert metadata["scheduler"]["connected_addresses"] == [f"127.0.0.1:{scheduler}"]


def test_the_sidecar_has_the_components_of_a_folder_too(start: Start, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "echo.yaml").write_text(_ECHO, encoding="utf-8")
    stack = start(StackOptions(components=str(tmp_path / "mine")))
    _, metadata = ask(stack, "/v1.0/metadata")
    found = {each["name"]: each["type"] for each in metadata["components"]}
    assert found == {"workflows": "state.sqlite", "parrot": "conversation.echo"}


def test_the_versions_are_those_of_the_servers(start: Start) -> None:
    versions = start().record().versions
    assert set(versions) == {"placement", "scheduler", "daprd"}
    assert len(set(versions.values())) == 1


def test_what_is_built_here_listens_on_loopback_only(start: Start, programs: str) -> None:
    if "built here" not in programs:
        pytest.skip(f"health listeners of installed programs are Dapr's own matter: {programs}")
    stack = start(StackOptions(mtls=True, sidecars=2))
    found = [each for server in stack.status() for each in listeners(server.pid or 0)]
    assert len(found) == 18
    assert [each for each in found if not each.startswith(LOOPBACK)] == []


def test_what_is_stored_outlives_down_and_a_kill(start: Start) -> None:
    stack = start()
    assert ask(stack, STORE, [{"key": "city", "value": "Oslo"}])[0] == 204
    stack.kill("daprd")
    stack.start("daprd")
    assert ask(stack, f"{STORE}/city") == (200, "Oslo")
    stack.down()
    assert ask(start(), f"{STORE}/city") == (200, "Oslo")


def test_two_sidecars_share_an_app_id_and_its_store(start: Start) -> None:
    stack = start(StackOptions(sidecars=2))
    assert sorted(stack.urls) == ["daprd", "daprd-2"]
    assert len(set(stack.urls.values())) == 2
    ids = {ask(stack, "/v1.0/metadata", server=name)[1]["id"] for name in stack.urls}
    assert ids == {"perdure"}
    assert ask(stack, STORE, [{"key": "city", "value": "Rome"}])[0] == 204
    assert ask(stack, f"{STORE}/city", server="daprd-2") == (200, "Rome")


@pytest.mark.parametrize("server", ["placement", "scheduler", "daprd"])
def test_a_killed_server_is_back_on_its_ports(start: Start, server: str) -> None:
    stack = start()
    before = {each.name: each for each in stack.status()}
    stack.kill(server)
    stack.start(server)
    after = {each.name: each for each in stack.status()}
    assert all(each.is_healthy for each in after.values())
    assert after[server].pid != before[server].pid
    assert {each.name: each.ports for each in after.values()} == {
        each.name: each.ports for each in before.values()
    }


def test_a_killed_scheduler_leads_again_at_once(start: Start) -> None:
    # By itself it would wait for the lease of the killed one: twenty seconds.
    stack = start()
    stack.kill("scheduler")
    begun = time.monotonic()
    stack.start("scheduler")
    while stack.log("scheduler").count("Cron is ready") < 2 and time.monotonic() - begun < 15:
        time.sleep(0.05)
    assert time.monotonic() - begun < 15


def test_a_stack_that_was_killed_as_a_whole_comes_up_in_time(start: Start) -> None:
    stack = start()
    for server in ("scheduler", "placement", "daprd"):
        stack.kill(server)
    stack.down()
    begun = time.monotonic()
    start()
    assert time.monotonic() - begun < 15  # and not twenty, as above


def test_usage_is_known_of_each_server(start: Start) -> None:
    usage = start().usage()
    assert set(usage) == {"placement", "scheduler", "daprd"}
    assert all(10_000_000 < each.memory_bytes < 1_000_000_000 for each in usage.values())


def test_the_body_size_reaches_the_sidecar(start: Start) -> None:
    stack = start(StackOptions(max_body_size="1Mi"))
    large = [{"key": "large", "value": "x" * 1_500_000}]
    assert ask(stack, STORE, large) == (
        400,
        {"errorCode": "ERR_MALFORMED_REQUEST", "message": "stream too large"},
    )
    assert ask(stack, STORE, [{"key": "small", "value": "x" * 500_000}])[0] == 204


def test_what_a_sidecar_says_of_its_failure_is_quoted(start: Start) -> None:
    nobody = "postgresql=host=127.0.0.1 port=1 user=nobody dbname=nothing sslmode=disable"
    with pytest.raises(ServerNotHealthyError) as caught:
        start(StackOptions(state=nobody))
    message = str(caught.value)
    assert message.startswith("stack 'dapr': daprd ended instead of becoming healthy")
    assert "state.postgresql" in message


def test_the_export_of_the_users_shell_does_not_reach_the_sidecar(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAPR_API_TOKEN", "of another sidecar")
    assert ask(start(), "/v1.0/metadata")[0] == 200
