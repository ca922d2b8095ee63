"""A host without any identity, and the endpoints that give one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from azure_kit.entra import Entra
from azure_kit.host_identity import HEADER, AppService, VirtualMachine
from azure_kit.programs import Programs
from azure_kit.scheduler import GuardedScheduler
from azure_kit.signing import AUDIENCE, Signer

from perdure_azure.credentials import Authentication, AuthenticationKind
from perdure_azure.stack.certificates import make_certificates
from perdure_azure.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from perdure_azure.stack.certificates import Certificates

    MakeTokens = Callable[..., Tokens]

_PREFIXES = ("AZURE_", "IDENTITY_", "IMDS_", "MSI_", "PERDURE_", "DURABLE_TASK_")
_NAMES = ("ENDPOINT", "TASKHUB", "REGION_NAME", "BROWSER", "DISPLAY", "WAYLAND_DISPLAY")


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Leave nothing that azure-identity could find, but for programs of the test's own."""
    for name in os.environ:
        is_proxy = name.lower().endswith("_proxy")
        if name.startswith(_PREFIXES) or name in _NAMES or is_proxy:
            monkeypatch.delenv(name)
    programs = Programs(tmp_path / "programs")
    monkeypatch.setenv("PATH", str(programs.folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    return programs


@pytest.fixture(scope="session")
def signer() -> Signer:
    """Return who signs all tokens that these endpoints give."""
    return Signer("https://sts.example/")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Return certificates for loopback."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def scheduler(
    signer: Signer, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GuardedScheduler]:
    """Return a scheduler that takes the signer's tokens. Made while Go can still be found."""
    token_key = signer.write_public_key(tmp_path_factory.mktemp("keys") / "signer.pem")
    data = tmp_path_factory.mktemp("scheduler")
    with GuardedScheduler(data, certificates, token_key=token_key, hub="trips") as server:
        yield server


@pytest.fixture
def machine(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualMachine]:
    """Be on a virtual machine of Azure."""
    with VirtualMachine(signer) as server:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.url)
        yield server
        server.may_answer.set()


@pytest.fixture
def app_service(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppService]:
    """Be an app of App Service."""
    with AppService(signer) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", HEADER)
        yield server


@pytest.fixture
def entra(
    signer: Signer, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Entra]:
    """Have an authority, and trust its certificate as an administrator would have it trusted."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.authority))
    with Entra(signer, certificates) as server:
        yield server


@pytest.fixture
def make_tokens() -> Iterator[MakeTokens]:
    """Make tokens by a kind, and whatever else goes with it."""
    made: list[Tokens] = []

    def make(
        kind: AuthenticationKind,
        *,
        audience: str = AUDIENCE,
        client_id: str = "",
        tenant_id: str = "",
        token_file_path: str = "",
        authority: str = "",
    ) -> Tokens:
        authentication = Authentication(
            kind=kind,
            client_id=client_id,
            tenant_id=tenant_id,
            token_file_path=token_file_path,
            authority=authority,
        )
        made.append(Tokens(authentication, audience=audience))
        return made[-1]

    yield make
    for tokens in made:
        tokens.close()
