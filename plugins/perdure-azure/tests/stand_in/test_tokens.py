"""Tokens and TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from azure_kit.hub import HubStub
from azure_kit.signing import CONTRIBUTOR, READER, WORKER, Signer
from azure_kit.stand_in import StandIn
from durabletask.internal import orchestrator_service_pb2 as pb

from perdure_azure.stack.certificates import Certificates, make_certificates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

READ, WORK, WRITE = "QueryInstances", "AbandonTaskActivityWorkItem", "StartInstance"
REQUESTS = {
    READ: pb.QueryInstancesRequest(),
    WORK: pb.AbandonActivityTaskRequest(completionToken="unknown"),
    WRITE: pb.CreateInstanceRequest(name="job"),
}


class Guarded:
    """A server that wants tokens, over TLS."""

    def __init__(self, server: StandIn, certificates: Certificates, signer: Signer) -> None:
        self.signer = signer
        root = grpc.ssl_channel_credentials(certificates.authority.read_bytes())
        self.channel = grpc.secure_channel(server.address, root)

    def call(self, token: str | None, method: str = "Hello", *, hub: str = "default") -> Any:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return getattr(HubStub(self.channel, hub, **headers), method)(REQUESTS.get(method))

    def refusal(self, *arguments: Any, **named: Any) -> tuple[grpc.StatusCode, str]:
        with pytest.raises(grpc.RpcError) as refused:
            self.call(*arguments, **named)
        error: Any = refused.value
        return error.code(), error.details()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    signer = Signer("https://authority.example")
    certificates = make_certificates(folder / "certificates")
    options = [
        f"--token-key={signer.write_public_key(folder / 'signer.pem')}",
        f"--tls-cert={certificates.certificate}",
        f"--tls-key={certificates.key}",
        "--hubs=default,other",
    ]
    with StandIn(folder / "data", *options) as server:
        one = Guarded(server, certificates, signer)
        with one.channel:
            yield one


def test_token_of_the_authority_is_accepted_whoever_issued_it(guarded: Guarded) -> None:
    guarded.call(guarded.signer.token())
    guarded.call(guarded.signer.token(iss="https://elsewhere.example"))


def expired(signer: Signer) -> str:
    return signer.token(life_seconds=-1)


def early(signer: Signer) -> str:
    return signer.token(begins_in_seconds=600)


def foreign(signer: Signer) -> str:
    return signer.token(audience="https://storage.example")


def forged(_: Signer) -> str:
    return Signer("https://authority.example").token()


def unsigned(signer: Signer) -> str:
    return signer.token().rpartition(".")[0] + "."


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (expired, "the token expired at"),
        (early, "the token is not valid before"),
        (foreign, 'for the audience "https://storage.example", want "https://durabletask.io"'),
        (forged, "the signature of the token is invalid"),
        (unsigned, "the signature of the token is invalid"),
        (lambda _: "nonsense", "in the form of a JWT"),
        (lambda _: None, "no 'authorization' header"),
    ],
)
def test_call_without_a_valid_token_is_told_why(
    guarded: Guarded, make: Callable[[Signer], str | None], reason: str
) -> None:
    code, text = guarded.refusal(make(guarded.signer))
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert reason in text


@pytest.mark.parametrize(
    ("role", "allowed"),
    [(CONTRIBUTOR, {READ, WORK, WRITE}), (WORKER, {WORK}), (READER, {READ})],
)
def test_role_allows_its_methods_and_no_others(
    guarded: Guarded, role: str, allowed: set[str]
) -> None:
    token = guarded.signer.token(roles=(role,))
    for method in (READ, WORK, WRITE):
        try:
            guarded.call(token, method)
            code = None
        except grpc.RpcError as error:
            code = error.code()
        assert (code is not grpc.StatusCode.PERMISSION_DENIED) == (method in allowed), method


def test_refusal_names_the_role_that_is_needed(guarded: Guarded) -> None:
    code, text = guarded.refusal(guarded.signer.token(roles=(READER,)), WRITE)
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert "StartInstance needs the role 'Durable Task Data Contributor'" in text


def test_token_for_some_hubs_is_refused_by_others(guarded: Guarded) -> None:
    token = guarded.signer.token(hubs=("other",))
    guarded.call(token, hub="other")
    code, text = guarded.refusal(token, hub="default")
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert "not for task hub 'default'" in text


def test_stream_of_work_items_ends_when_its_token_expires(guarded: Guarded) -> None:
    headers = {"authorization": f"Bearer {guarded.signer.token(life_seconds=2)}"}
    stream = HubStub(guarded.channel, "other", **headers).GetWorkItems(pb.GetWorkItemsRequest())
    with pytest.raises(grpc.RpcError, match="token of this stream has expired") as ended:
        next(stream)
    error: Any = ended.value
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
