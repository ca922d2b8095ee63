"""Where the sidecar is: the URL first, then Dapr's own variables, then Dapr's default."""

from __future__ import annotations

import pytest

from perdure import ConfigurationError
from perdure_dapr.address import Address, parse_address

pytestmark = pytest.mark.sdk_independent


def parse(url: str, **variables: str) -> Address:
    return parse_address(url, environment=variables)


def test_without_anything_it_is_where_dapr_listens_by_default() -> None:
    assert parse("dapr") == Address(target="127.0.0.1:50001", app_id_setting="DAPR_APP_ID")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("dapr://sidecar:51001", "sidecar:51001"),
        ("dapr://sidecar", "sidecar:50001"),
        ("dapr://[::1]:51001", "[::1]:51001"),
        ("dapr://[::1]", "[::1]:50001"),
    ],
)
def test_the_url_says_where(url: str, target: str) -> None:
    assert parse(url, DAPR_GRPC_ENDPOINT="elsewhere:1").target == target


@pytest.mark.parametrize(
    ("endpoint", "target", "is_secure"),
    [
        ("sidecar:51001", "sidecar:51001", False),
        ("http://sidecar:51001", "sidecar:51001", False),
        ("https://dapr.example.com", "dapr.example.com:443", True),
        ("grpcs://dapr.example.com:8443", "dapr.example.com:8443", True),
        ("dapr.example.com:443?tls=true", "dapr.example.com:443", True),
        ("dns:dapr.example.com:50001", "dns:dapr.example.com:50001", False),
        ("unix:/run/dapr.socket", "unix:/run/dapr.socket", False),
    ],
)
def test_daprs_endpoint_variable_is_read_as_its_sdk_reads_it(
    endpoint: str, target: str, is_secure: bool
) -> None:
    address = parse("dapr", DAPR_GRPC_ENDPOINT=endpoint, DAPR_GRPC_PORT="1")
    assert (address.target, address.is_secure) == (target, is_secure)


def test_daprs_host_and_port_variables_are_read() -> None:
    variables = {"DAPR_RUNTIME_HOST": "10.0.0.7", "DAPR_GRPC_PORT": "51001"}
    assert parse("dapr", **variables).target == "10.0.0.7:51001"
    assert parse("dapr", DAPR_RUNTIME_HOST="::1").target == "[::1]:50001"


def test_the_token_comes_from_its_variable_and_is_never_shown() -> None:
    address = parse("dapr", DAPR_API_TOKEN="secret-1")
    assert address.token == "secret-1"
    assert "secret-1" not in repr(address)


def test_a_hub_is_the_app_id_that_the_sidecar_must_have() -> None:
    assert parse("dapr?hub=trips", DAPR_APP_ID="other").app_id == "trips"
    assert parse("dapr://h:1?hub=trips").app_id == "trips"
    assert parse("dapr", DAPR_APP_ID="other").app_id == "other"
    assert parse("dapr").app_id is None


def test_results_are_recorded_unless_the_url_says_otherwise() -> None:
    assert parse("dapr").is_recorded
    assert parse("dapr://h?record=on").is_recorded
    assert not parse("dapr://h?record=off").is_recorded


def test_tls_can_be_asked_for_in_the_url() -> None:
    assert parse("dapr://h:443?tls=true").is_secure
    assert not parse("dapr?tls=false", DAPR_GRPC_ENDPOINT="https://h").is_secure


@pytest.mark.parametrize(
    ("target", "is_local"),
    [
        ("127.0.0.1:50001", True),
        ("[::1]:50001", True),
        ("localhost:50001", True),
        ("unix:/run/dapr.socket", True),
        ("10.0.0.7:50001", False),
        ("sidecar:50001", False),
    ],
)
def test_what_is_on_this_host_is_known(target: str, is_local: bool) -> None:
    assert Address(target=target).is_local is is_local


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("dapr://h:1/path", "not of the form"),
        ("dapr://user@h:1", "not of the form"),
        ("dapr://h:0", "no host:port"),
        ("dapr://h:70000", "no host:port"),
        ("dapr://h:x", "no host:port"),
        ("dapr?hubb=trips", "known: hub, record, tls"),
        ("dapr?tls=true&tls=false", "twice"),
        ("dapr?tls=maybe", "neither true nor false"),
        ("dapr?record=no", "say on or off"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_in_words(url: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        parse(url)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("DAPR_GRPC_PORT", "many", "no port"),
        ("DAPR_GRPC_ENDPOINT", "ftp://h:1", "ftp://"),
        ("DAPR_GRPC_ENDPOINT", "http://:1", "no host:port"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(name: str, value: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name}.*{complaint}"):
        parse("dapr", **{name: value})
