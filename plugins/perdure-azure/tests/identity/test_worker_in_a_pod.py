"""A worker as the manifest has it: in a pod with a projected token, at a guarded scheduler."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types
from azure_kit.entra import CLIENT, TENANT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure_kit.entra import Entra
    from azure_kit.scheduler import GuardedScheduler

    from perdure_azure.stack.certificates import Certificates

# The first one may have to build the stand-in.
pytestmark = pytest.mark.timeout(180)

MANIFEST = Path(__file__).parents[2] / "kubernetes" / "worker.yaml"
PROGRAM = """\
import perdure

app = perdure.App("trips")


@app.workflow
async def plan(city: str) -> str:
    return city.upper()
"""
SECONDS = 30


def container() -> dict[str, Any]:
    documents = yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))
    (deployment,) = (each for each in documents if each["kind"] == "Deployment")
    (found,) = deployment["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


@pytest.fixture
def pod(
    scheduler: GuardedScheduler, entra: Entra, certificates: Certificates, tmp_path: Path
) -> dict[str, str]:
    """Return the variables of the manifest and the webhook, with the addresses of this host."""
    given = {each["name"]: each["value"] for each in container()["env"]}
    host = urlsplit(given["PERDURE_BACKEND"]).netloc
    url = given["PERDURE_BACKEND"].replace(host, scheduler.target)
    projected = tmp_path / "projected-token"
    projected.write_text(entra.assertion())
    (tmp_path / "trips.py").write_text(PROGRAM)
    return {
        **os.environ,
        **given,
        "PERDURE_BACKEND": f"{url}&tls=true",  # loopback takes none for granted
        "PERDURE_PAYLOADS": (tmp_path / "payloads").as_uri(),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_TENANT_ID": TENANT,
        "AZURE_FEDERATED_TOKEN_FILE": str(projected),
        "AZURE_AUTHORITY_HOST": f"{entra.url}/",
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(certificates.authority),
    }


def perdure(*arguments: str, pod: Mapping[str, str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "perdure", *arguments],
        cwd=folder,
        env=pod,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_worker_of_the_manifest_is_let_in_and_works(
    pod: dict[str, str], tmp_path: Path
) -> None:
    program, *arguments = container()["command"]
    assert program == "perdure"
    with perdure(*arguments, pod=pod, folder=tmp_path) as worker:
        try:
            start = ("start", "plan", "--input", '{"city": "Oslo"}', "--wait")
            with perdure(*start, pod=pod, folder=tmp_path) as client:
                said, _ = client.communicate(timeout=SECONDS)
            assert client.returncode == 0, said
            assert "OSLO" in said
        finally:
            worker.send_signal(signal.SIGTERM)
            told, _ = worker.communicate(timeout=SECONDS)
    assert worker.returncode == 0, told


def test_a_worker_with_the_role_to_work_alone_is_told_the_roles(
    pod: dict[str, str], entra: Entra, tmp_path: Path
) -> None:
    entra.roles = ("Durable Task Worker",)
    with perdure("worker", "trips:app", pod=pod, folder=tmp_path) as worker:
        said, _ = worker.communicate(timeout=SECONDS)
    assert worker.returncode not in (0, None)
    assert "has no right to this" in said
    assert "Durable Task Data Contributor" in said
