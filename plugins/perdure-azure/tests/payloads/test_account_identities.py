"""Who we are to a storage account: a key, a signature, or an identity, on Azurite over TLS."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from azure.storage.blob import (
    AccountSasPermissions,
    BlobServiceClient,
    ResourceTypes,
    generate_account_sas,
)
from azure_kit.azurite import Azurite, why_not
from azure_kit.host_identity import VirtualMachine
from azure_kit.signing import Signer

import perdure
from perdure.clock import SystemClock, from_us
from perdure_azure.credentials import Authentication, AuthenticationKind, make_credential
from perdure_azure.foreign_payloads import DEFAULT_CONTAINER, SETTING, open_foreign_payloads
from perdure_azure.stack.certificates import Certificates, make_certificates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure_kit.azurite import Account

pytestmark = pytest.mark.timeout(180)  # the first one on a machine installs Azurite

# aiohttp reads which authorities to trust when it is imported, hence a process of its own.
_PROGRAM = """
import json, sys
from perdure.payloads.keeper import Keeper
from perdure.payloads.store import open_store

url, options = sys.argv[1], json.loads(sys.argv[2])
keeper = Keeper(open_store(url, options=options), delays=(0.1,))
reference = keeper.put(b"data", root="a", what="x")
print(keeper.get(reference, what="x").decode(), len(keeper.store.snapshot("a")), end="")
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def secure_account(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[Account]:
    """Return an account with a container of each name that the tests use, and a blob."""
    if problem := why_not():
        pytest.skip(problem)
    with Azurite(tmp_path_factory.mktemp("azurite"), certificates) as account:
        authority = str(certificates.authority)
        with BlobServiceClient(
            account.url, credential=account.key, connection_verify=authority
        ) as client:
            client.create_container("box")
            client.create_container(DEFAULT_CONTAINER).upload_blob("x", b'"text"')
        yield account


@pytest.fixture
def machine() -> Iterator[VirtualMachine]:
    """Return what gives a virtual machine of Azure its tokens."""
    with VirtualMachine(Signer("https://sts.windows.net/tenant/")) as server:
        yield server


def signature_of(account: Account) -> str:
    signature: str = generate_account_sas(
        account_name=account.name,
        account_key=account.key,
        resource_types=ResourceTypes(service=True, container=True, object=True),
        permission=AccountSasPermissions(read=True, write=True, list=True, delete=True),
        expiry=from_us(SystemClock().now_us() + 3_600_000_000),
    )
    return signature


@pytest.mark.parametrize("kind", ["key", "signature", "identity"])
def test_adlfs_takes_its_own_variables(
    secure_account: Account, certificates: Certificates, machine: VirtualMachine, kind: str
) -> None:
    variables = {
        "key": {"AZURE_STORAGE_ACCOUNT_KEY": secure_account.key},
        "signature": {"AZURE_STORAGE_SAS_TOKEN": signature_of(secure_account)},
        "identity": {"AZURE_POD_IDENTITY_AUTHORITY_HOST": machine.url},
    }[kind]
    variables["AZURE_STORAGE_ACCOUNT_NAME"] = secure_account.name
    variables["SSL_CERT_FILE"] = str(certificates.authority)
    options = json.dumps({"account_host": secure_account.host})
    command = [sys.executable, "-c", _PROGRAM, f"abfs://box/{kind}", options]
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.returncode) == ("data 1", 0), ended.stderr
    assert bool(machine.requests) == (kind == "identity")


@pytest.mark.parametrize("kind", ["signature", "identity"])
async def test_foreign_payloads_are_read_by_the_accounts_url(
    secure_account: Account,
    certificates: Certificates,
    machine: VirtualMachine,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.authority))
    credential = make_credential(Authentication(kind=AuthenticationKind.MANAGED_IDENTITY))
    suffix = f"?{signature_of(secure_account)}" if kind == "signature" else ""
    payloads = open_foreign_payloads(
        variables={SETTING: secure_account.url + suffix}, credential=credential
    )
    for token in (
        f"blob:v1:{DEFAULT_CONTAINER}:x",
        f"blob:v2:{secure_account.url}/{DEFAULT_CONTAINER}/x",
    ):
        assert await payloads.resolve(token, what="input") == '"text"'
    with pytest.raises(perdure.PayloadError, match="no blob") as error:
        await payloads.resolve(f"blob:v1:{DEFAULT_CONTAINER}:gone", what="input")
    assert "sig=" not in str(error.value)
    payloads.close()
    assert bool(machine.requests) == (kind == "identity")


async def test_an_account_that_refuses_says_so_without_the_signature(
    secure_account: Account, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.authority))
    url = f"{secure_account.url}?{signature_of(secure_account)}x"
    payloads = open_foreign_payloads(variables={SETTING: url})
    with pytest.raises(perdure.PayloadStoreError, match=f"input: .*{SETTING}") as error:
        await payloads.resolve(f"blob:v1:{DEFAULT_CONTAINER}:x", what="input")
    assert "sig=" not in str(error.value)
    payloads.close()
