"""A storage account for the tests of this folder, and a container for each."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from azure.storage.blob import BlobServiceClient
from azure_kit.azurite import Account, Azurite, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.storage.blob import ContainerClient


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Return an account of an Azurite that runs."""
    if problem := why_not():
        pytest.skip(problem)
    with Azurite(tmp_path_factory.mktemp("azurite")) as account:
        yield account


@pytest.fixture
def service(account: Account) -> Iterator[BlobServiceClient]:
    """Return Microsoft's client of the account, to look with."""
    with BlobServiceClient.from_connection_string(account.connection_string) as client:
        yield client


@pytest.fixture
def container(
    account: Account, service: BlobServiceClient, monkeypatch: pytest.MonkeyPatch
) -> ContainerClient:
    """Return an empty container, of the account that the variables name."""
    for name in ("ACCOUNT_NAME", "ACCOUNT_KEY", "SAS_TOKEN", "ANON", "CLIENT_ID"):
        monkeypatch.delenv(f"AZURE_STORAGE_{name}", raising=False)
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", account.connection_string)
    return service.create_container(f"test-{uuid.uuid4().hex}")
