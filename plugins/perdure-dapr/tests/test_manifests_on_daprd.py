"""A real sidecar, started as the injector would start it, takes what the manifests give it."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from perdure_dapr.stack import DaprStack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from perdure.stack import Server

MANIFESTS = Path(__file__).parents[1] / "kubernetes"
PATIENCE_SECONDS: Final = 30
TOKEN: Final = "of-this-test"
# What the injector makes of the annotations that become flags of the sidecar.
FLAGS: Final = {
    "dapr.io/app-id": "app-id",
    "dapr.io/max-body-size": "max-body-size",
    "dapr.io/graceful-shutdown-seconds": "dapr-graceful-shutdown-seconds",
    "dapr.io/log-level": "log-level",
    "dapr.io/log-as-json": "log-as-json",
}

pytestmark = [
    pytest.mark.sdk_independent,
    pytest.mark.timeout(900),  # the first run on a machine builds Dapr
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """A sidecar that runs, or has ended."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def ask(self, path: str, *, token: str = TOKEN) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path, headers={"dapr-api-token": token})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def is_ready(self) -> bool:
        """Wait until it is, or has ended by itself."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("/v1.0/healthz")[0] == http.client.NO_CONTENT:
                    return True
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
        return False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return the sidecar of a stack of which only the rest runs."""
    with DaprStack(tmp_path_factory.mktemp("stack")) as stack:
        stack.stop("daprd")
        servers = (part.server for part in stack.record().servers)
        yield next(server for server in servers if server.name == "daprd")


@contextlib.contextmanager
def started(
    server: Server, folder: Path, *, change: Callable[[dict[str, Any]], object] | None = None
) -> Iterator[Sidecar]:
    configuration, resources = _files(folder, change)
    given = yaml.safe_load((MANIFESTS / "worker.yaml").read_text())
    annotations = given["spec"]["template"]["metadata"]["annotations"]
    flags = {flag: annotations[name] for name, flag in FLAGS.items()}
    flags |= {"config": str(configuration), "resources-path": str(resources)}
    kept = [part for part in server.command if _name(part) not in flags]
    log = folder / "daprd.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [*kept, *(f"--{name}={value}" for name, value in flags.items())],
            env={**server.environment, "DAPR_API_TOKEN": TOKEN},
            stdout=output,
            stderr=output,
        ) as process,
    ):
        try:
            yield Sidecar(process=process, port=server.ports["http"], log=log)
        finally:
            process.terminate()


def _files(folder: Path, change: Callable[[dict[str, Any]], object] | None) -> tuple[Path, Path]:
    configuration = yaml.safe_load((MANIFESTS / "configuration.yaml").read_text())
    if change is not None:
        change(configuration)
    # A cluster has the database and the secret store; here a file stands in for both.
    store = yaml.safe_load((MANIFESTS / "state-store.yaml").read_text())
    del store["auth"]
    store["spec"].update(type="state.sqlite", version="v1")
    for setting in store["spec"]["metadata"]:
        if setting.pop("secretKeyRef", None):
            setting["value"] = f"file:{folder / 'workflows.db'}"
    resources = folder / "resources"
    resources.mkdir()
    (resources / "store.yaml").write_text(yaml.safe_dump(store))
    (folder / "configuration.yaml").write_text(yaml.safe_dump(configuration))
    return folder / "configuration.yaml", resources


def _name(flag: str) -> str:
    return flag.removeprefix("--").partition("=")[0]


def test_a_sidecar_comes_up_with_what_the_manifests_say(server: Server, tmp_path: Path) -> None:
    with started(server, tmp_path) as sidecar:
        assert sidecar.is_ready(), sidecar.log.read_text()
        code, body = sidecar.ask("/v1.0/metadata")
        refused, _ = sidecar.ask("/v1.0/metadata", token="another")
    metadata = json.loads(body)
    (store,) = metadata["components"]
    assert (code, refused) == (http.client.OK, http.client.UNAUTHORIZED)
    assert metadata["id"] == "trips"
    assert store["name"] == "trips-workflows"
    assert "ACTOR" in store["capabilities"]


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it["spec"]["workflow"]["stateRetentionPolicy"].update(completed="7d"),
        lambda it: it["spec"]["workflow"].update(maxConcurrentActivityInvocations="many"),
    ],
    ids=["days", "words"],
)
def test_a_sidecar_refuses_a_configuration_that_is_wrong(
    server: Server, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    with started(server, tmp_path, change=change) as sidecar:
        assert not sidecar.is_ready()
        assert sidecar.process.returncode != 0
