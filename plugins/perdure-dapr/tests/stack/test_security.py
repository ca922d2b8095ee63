"""API tokens, and mutual TLS between the servers."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import TYPE_CHECKING

import grpc
import pytest
from cryptography import x509

from perdure_dapr.stack import DaprStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Start = Callable[..., DaprStack]

METADATA = "/dapr.proto.runtime.v1.Dapr/GetMetadata"


def by_http(stack: DaprStack, token: str | None) -> int:
    port = stack.record().ports["daprd.http"]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/v1.0/metadata", headers={"dapr-api-token": token} if token else {})
    status = connection.getresponse().status
    connection.close()
    return status


def by_grpc(stack: DaprStack, token: str | None) -> grpc.StatusCode:
    address = stack.url.removeprefix("dapr://")
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(METADATA)  # no serialisers: bytes; an empty message is none
        metadata = [("dapr-api-token", token)] if token else []
        try:
            call(b"", timeout=10, metadata=metadata)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    return grpc.StatusCode.OK


def test_a_token_is_asked_for_and_taken(start: Start) -> None:
    stack = start(StackOptions(api_token="s3cret"))
    assert stack.environment["DAPR_API_TOKEN"] == "s3cret"
    assert (by_http(stack, None), by_http(stack, "wrong")) == (401, 401)
    assert by_http(stack, "s3cret") == 200
    assert by_grpc(stack, None) is grpc.StatusCode.UNAUTHENTICATED
    assert by_grpc(stack, "wrong") is grpc.StatusCode.UNAUTHENTICATED
    assert by_grpc(stack, "s3cret") is grpc.StatusCode.OK


def test_without_a_token_none_is_asked_for(start: Start) -> None:
    stack = start()
    assert "DAPR_API_TOKEN" not in stack.environment
    assert by_http(stack, None) == 200
    assert by_grpc(stack, None) is grpc.StatusCode.OK


def test_a_generated_token_is_long_and_stays(start: Start) -> None:
    stack = start(StackOptions(api_token="generated"))
    token = stack.environment["DAPR_API_TOKEN"]
    assert len(token) >= 32
    assert by_http(stack, token) == 200
    stack.down()
    assert start(StackOptions(api_token="generated")).environment["DAPR_API_TOKEN"] == token


def certificate_of(stack: DaprStack, port: str) -> x509.Certificate:
    """Return what a server shows of itself, once the stack's own authority vouches for it."""
    authority = stack.folder.state / "certificates" / "ca.crt"
    context = ssl.create_default_context(cafile=str(authority))
    context.check_hostname = False  # SPIFFE identities are URIs, and no host names
    with (
        socket.create_connection(("127.0.0.1", stack.record().ports[port]), timeout=10) as raw,
        context.wrap_socket(raw) as wrapped,
    ):
        der = wrapped.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der)


def identity(certificate: x509.Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.UniformResourceIdentifier)


@pytest.mark.parametrize(
    ("port", "name"),
    [
        ("placement.grpc", "dapr-placement"),
        ("scheduler.grpc", "dapr-scheduler"),
        ("daprd.internal", "trips"),
    ],
)
def test_each_server_proves_its_spiffe_identity(start: Start, port: str, name: str) -> None:
    stack = start(StackOptions(mtls=True, app_id="trips"))
    namespace = "default"
    trust_domain = "public" if name == "trips" else "localhost"
    expected = f"spiffe://{trust_domain}/ns/{namespace}/{name}"
    assert identity(certificate_of(stack, port)) == [expected]


def test_a_client_without_a_certificate_is_refused(start: Start) -> None:
    stack = start(StackOptions(mtls=True))
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    port = stack.record().ports["placement.grpc"]
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        context.wrap_socket(raw) as wrapped,
        pytest.raises(ssl.SSLError, match=r"(?i)certificate.required"),
    ):
        wrapped.recv(1)  # in TLS 1.3 the refusal comes after the handshake


def test_a_server_that_speaks_no_tls_is_not_there(start: Start) -> None:
    stack = start(StackOptions(mtls=True))
    port = stack.record().ports["scheduler.grpc"]
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, pytest.raises(grpc.RpcError):
        channel.unary_unary("/dapr.proto.scheduler.v1.Scheduler/ListJobs")(b"", timeout=3)


def test_the_sidecar_reaches_the_control_plane_over_mutual_tls(start: Start) -> None:
    stack = start(StackOptions(mtls=True))
    assert stack.status()[0].name == "sentry"
    assert all(each.is_healthy for each in stack.status())
    log = stack.log("daprd")
    assert "mTLS is disabled" not in log
    assert "Connected to placement service" in log
    assert "Scheduler stream connected" in log


def test_the_authority_is_the_same_after_down_and_up(start: Start) -> None:
    stack = start(StackOptions(mtls=True))
    authority: Path = stack.folder.state / "certificates" / "ca.crt"
    first = authority.read_bytes()
    stack.down()
    again = start(StackOptions(mtls=True))
    assert authority.read_bytes() == first
    assert all(each.is_healthy for each in again.status())
