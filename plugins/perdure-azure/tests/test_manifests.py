"""The manifest for Kubernetes: schemas accept it, its parts fit, its address can be read."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kubernetes_validate  # type: ignore[import-untyped]  # ships no types
import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from perdure.cli.text import parse_duration
from perdure_azure.address import parse_address
from perdure_azure.credentials import AuthenticationKind

if TYPE_CHECKING:
    from collections.abc import Callable

MANIFEST = Path(__file__).parents[1] / "kubernetes" / "worker.yaml"
VERSIONS = ("1.29", "1.33", "1.37")


def resource(kind: str) -> dict[str, Any]:
    documents = yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))
    (found,) = (each for each in documents if each["kind"] == kind)
    assert isinstance(found, dict)
    return found


def template() -> dict[str, Any]:
    found = resource("Deployment")["spec"]["template"]
    assert isinstance(found, dict)
    return found


def environment() -> dict[str, str]:
    container = template()["spec"]["containers"][0]
    return {each["name"]: each["value"] for each in container["env"]}


@pytest.mark.parametrize("kind", ["ServiceAccount", "Deployment"])
@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_accepts_it(version: str, kind: str) -> None:
    assert kubernetes_validate.validate(resource(kind), version, strict=True) == version


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it["spec"].update(replicas="two"),
        lambda it: it["spec"].pop("selector"),
        lambda it: it["spec"]["template"]["spec"].update(serviceAccount=1),
        lambda it: it["spec"]["template"]["spec"]["containers"][0]["env"][1].pop("name"),
        lambda it: it["spec"]["template"]["metadata"]["labels"].update(
            {"azure.workload.identity/use": True}
        ),
    ],
    ids=["no number", "no selector", "no text", "no name", "a truth value as label"],
)
def test_kubernetes_refuses_it_where_it_is_wrong(
    change: Callable[[dict[str, Any]], object],
) -> None:
    broken = copy.deepcopy(resource("Deployment"))
    change(broken)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


def test_the_pod_has_the_identity_of_the_service_account() -> None:
    account = resource("ServiceAccount")["metadata"]
    assert template()["spec"]["serviceAccountName"] == account["name"]
    assert resource("Deployment")["metadata"]["namespace"] == account["namespace"]
    assert template()["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    assert "azure.workload.identity/client-id" in account["annotations"]


def test_its_address_is_one_of_a_hub_by_tls_with_that_identity() -> None:
    address = parse_address(environment()["PERDURE_BACKEND"], environment={})
    assert address.target == "trips-dts.westeurope.durabletask.io:443"
    assert (address.hub, address.is_secure) == ("trips", True)
    assert address.authentication.kind is AuthenticationKind.WORKLOAD_IDENTITY
    assert address.authentication.client_id == "", "the webhook says it"


def test_what_must_outlive_the_container_is_on_a_volume() -> None:
    (container,) = template()["spec"]["containers"]
    mounted = {each["mountPath"] for each in container["volumeMounts"]}
    assert environment()["XDG_STATE_HOME"] in mounted
    assert "://" in environment()["PERDURE_PAYLOADS"]


def test_the_pod_is_given_the_time_that_its_drain_needs() -> None:
    command = template()["spec"]["containers"][0]["command"]
    drain = parse_duration(command[command.index("--drain") + 1])
    spare_seconds = 15
    needed_seconds = drain.total_seconds() + spare_seconds
    assert template()["spec"]["terminationGracePeriodSeconds"] >= needed_seconds
