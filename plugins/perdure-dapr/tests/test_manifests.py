"""The manifests for Kubernetes: its own schemas, Dapr's, and a real sidecar accept them."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]  # ships no types
import kubernetes_validate  # type: ignore[import-untyped]  # ships no types
import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from perdure.cli.text import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

MANIFESTS = Path(__file__).parents[1] / "kubernetes"
# From the first with sidecars that outlive the worker to the newest whose schemas are at hand.
VERSIONS = ("1.29", "1.33", "1.37")
CRDS = {"Component": "components.yaml", "Configuration": "configuration.yaml"}

pytestmark = pytest.mark.sdk_independent


def manifest(name: str) -> dict[str, Any]:
    text = (MANIFESTS / f"{name}.yaml").read_text(encoding="utf-8")
    found = yaml.safe_load(text)
    assert isinstance(found, dict)
    return found


def changed(name: str, change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    broken = copy.deepcopy(manifest(name))
    change(broken)
    return broken


def given_annotations() -> dict[str, str]:
    found = manifest("worker")["spec"]["template"]["metadata"]["annotations"]
    return {str(name): value for name, value in found.items()}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the sources of the Dapr that the plugin builds, from Go's module cache."""
    go = shutil.which("go")
    if go is None:
        pytest.skip(
            "needs Go, for the schemas in Dapr's sources; the sidecar is asked all the same"
        )
    folder = tmp_path_factory.mktemp("module")
    for name in ("go.mod", "go.sum"):
        (folder / name).write_text((files("perdure_dapr") / "runtime" / name).read_text())
    done = subprocess.run(
        [go, "mod", "download", "-json", "github.com/dapr/dapr"],
        cwd=folder,
        env={**os.environ, "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(json.loads(done.stdout)["Dir"])


def check_resource(resource: dict[str, Any], sources: Path) -> None:
    """Hold a resource of Dapr to the schema that the cluster would; unknown fields are wrong, too.

    Raises:
        jsonschema.ValidationError: It does not fit.
    """
    path = sources / "charts" / "dapr" / "crds" / CRDS[resource["kind"]]
    versions = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]["versions"]
    schemas = {f"dapr.io/{each['name']}": each["schema"]["openAPIV3Schema"] for each in versions}
    jsonschema.Draft202012Validator(strict(schemas[resource["apiVersion"]])).validate(resource)


def strict(schema: Any) -> Any:
    """Return the schema with every object closed that says what it has."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(part) for name, part in schema.items()}
    has_fields = closed.get("type") == "object" and "properties" in closed
    if has_fields and not closed.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed


def known_annotations(sources: Path) -> set[str]:
    text = (sources / "pkg" / "injector" / "annotations" / "annotations.go").read_text()
    return set(re.findall(r'^\s*Key\w+\s*=\s*"(dapr\.io/[a-z0-9-]+)"', text, re.MULTILINE))


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_accepts_the_worker(version: str) -> None:
    assert kubernetes_validate.validate(manifest("worker"), version, strict=True) == version


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it["spec"].update(replicas="two"),
        lambda it: it["spec"].pop("selector"),
        lambda it: it["spec"]["template"]["spec"].update(terminationGracePeriod=75),
        lambda it: it["spec"]["template"]["spec"]["containers"][0]["env"][2].pop("name"),
        lambda it: it["spec"]["template"]["metadata"]["annotations"].update(
            {"dapr.io/enabled": True}
        ),
    ],
    ids=["no number", "no selector", "no such field", "no name", "no text"],
)
def test_kubernetes_refuses_a_worker_that_is_wrong(
    change: Callable[[dict[str, Any]], object],
) -> None:
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(changed("worker", change), VERSIONS[-1], strict=True)


@pytest.mark.parametrize("name", ["state-store", "configuration"])
def test_dapr_s_schemas_accept_the_resources(name: str, sources: Path) -> None:
    check_resource(manifest(name), sources)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("state-store", lambda it: it["spec"].pop("type")),
        ("state-store", lambda it: it["spec"]["metadata"][0].update(secretRef={"name": "x"})),
        ("state-store", lambda it: it["spec"]["metadata"][0]["secretKeyRef"].pop("name")),
        ("state-store", lambda it: it.update(scopes="trips")),
        ("configuration", lambda it: it["spec"].update(workflows={})),
        ("configuration", lambda it: it["spec"]["workflow"].update(retention="1h")),
        ("configuration", lambda it: it["spec"]["tracing"].update(samplingRate=0)),
    ],
    ids=["type", "secretRef", "secret", "scopes", "workflows", "retention", "rate"],
)
def test_dapr_s_schemas_refuse_resources_that_are_wrong(
    name: str, change: Callable[[dict[str, Any]], object], sources: Path
) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check_resource(changed(name, change), sources)


def test_every_annotation_is_one_that_the_injector_reads(sources: Path) -> None:
    known = known_annotations(sources)
    assert len(known) > 40
    assert {name for name in given_annotations() if name.startswith("dapr.io/")} <= known
    assert "dapr.io/max-body-sizes" not in known


def test_the_manifests_name_each_other_rightly() -> None:
    pod = manifest("worker")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    given = {each["name"]: each for each in container["env"]}
    token = given["DAPR_API_TOKEN"]["valueFrom"]["secretKeyRef"]
    assert given_annotations()["dapr.io/config"] == manifest("configuration")["metadata"]["name"]
    assert given_annotations()["dapr.io/app-id"] in manifest("state-store")["scopes"]
    # The injector gives the sidecar the key "token" of the secret that the annotation names.
    assert token == {"name": given_annotations()["dapr.io/api-token-secret"], "key": "token"}
    assert given["PERDURE_BACKEND"]["value"] == "dapr"
    assert "://" in given["PERDURE_PAYLOADS"]["value"]
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert given["XDG_STATE_HOME"]["value"] in mounted


def test_the_pod_is_given_the_time_that_its_drain_needs() -> None:
    pod = manifest("worker")["spec"]["template"]["spec"]
    command = pod["containers"][0]["command"]
    drain = parse_duration(command[command.index("--drain") + 1])
    sidecar_seconds = int(given_annotations()["dapr.io/graceful-shutdown-seconds"])
    spare_seconds = 10
    needed = drain.total_seconds() + sidecar_seconds + spare_seconds
    assert pod["terminationGracePeriodSeconds"] >= needed
