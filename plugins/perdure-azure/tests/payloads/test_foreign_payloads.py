"""Payloads that Microsoft's SDKs have put into Azure Blob Storage, read from Azurite."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from azure.storage.blob import ContentSettings
from azure_kit.azurite import Azurite, connection_string
from durabletask.extensions.azure_blob_payloads import BlobPayloadStore, BlobPayloadStoreOptions

import perdure
from perdure_azure import foreign_payloads
from perdure_azure.foreign_payloads import (
    CONTAINER_SETTING,
    DEFAULT_CONTAINER,
    SETTING,
    ForeignPayloads,
    is_token,
    open_foreign_payloads,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from azure.storage.blob import ContainerClient
    from azure_kit.azurite import Account

pytestmark = pytest.mark.timeout(180)  # the first one on a machine installs Azurite


@pytest.fixture
def variables(account: Account, container: ContainerClient) -> dict[str, str]:
    return {SETTING: account.connection_string, CONTAINER_SETTING: container.container_name}


@pytest.fixture
def payloads(variables: dict[str, str]) -> Iterator[ForeignPayloads]:
    found = open_foreign_payloads(variables=variables)
    yield found
    found.close()


@pytest.fixture(params=[True, False], ids=["gzip", "plain"])
def theirs(
    request: pytest.FixtureRequest, account: Account, container: ContainerClient
) -> Iterator[BlobPayloadStore]:
    options = BlobPayloadStoreOptions(
        connection_string=account.connection_string,
        container_name=container.container_name,
        enable_compression=request.param,
    )
    with BlobPayloadStore(options) as store:
        yield store


def v2(container: ContainerClient, name: str) -> str:
    """Return a token as .NET and Go write it."""
    return f"blob:v2:{container.url}/{name}"


async def test_what_microsofts_store_wrote_is_read(
    payloads: ForeignPayloads, theirs: BlobPayloadStore
) -> None:
    text = '{"city": "Łódź"}' * 10_000
    token = theirs.upload(text.encode(), instance_id="trip-1")
    assert is_token(token)
    assert await payloads.resolve(token, what="input") == text


@pytest.mark.parametrize("text", ['"blob:v1:a:b"', "null", "", '{"$perdure": 1}', "blob:v3:a:b"])
async def test_what_is_no_token_stays(payloads: ForeignPayloads, text: str) -> None:
    assert not is_token(text)
    assert await payloads.resolve(text, what="input") == text


async def test_a_token_by_url_is_read_gzip_as_dotnet_marks_it_or_not(
    payloads: ForeignPayloads, container: ContainerClient
) -> None:
    marked = ContentSettings(content_encoding="gzip")
    container.upload_blob("zip", gzip.compress(b'"zipped"'), content_settings=marked)
    container.upload_blob("nested/a b", b'"plain"')
    assert await payloads.resolve(v2(container, "zip"), what="input") == '"zipped"'
    assert await payloads.resolve(v2(container, "nested/a%20b"), what="input") == '"plain"'


@pytest.mark.parametrize(
    "address",
    [
        "https://other.blob.core.windows.net/{name}/x",
        "http://127.0.0.1:1/perduretest/{name}/x",
        "http://127.0.0.1:port/perduretest/{name}/x",
        "https://127.0.0.1:{port}/perduretest/{name}/x",
        "http://127.0.0.1:{port}/other/{name}/x",
        "http://who@127.0.0.1:{port}/perduretest/{name}/x",
        "http://127.0.0.1:{port}/perduretest/{name}/x?sig=secret",
        "http://127.0.0.1:{port}/perduretest/{name}/x#part",
    ],
)
async def test_a_url_of_another_account_is_never_followed(
    payloads: ForeignPayloads, account: Account, container: ContainerClient, address: str
) -> None:
    container.upload_blob("x", b"1")
    token = f"blob:v2:{address.format(port=account.port, name=container.container_name)}"
    with pytest.raises(perdure.PayloadError, match="input: it lies in another storage") as error:
        await payloads.resolve(token, what="input")
    assert SETTING in str(error.value)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("name", ["", ".", "..", "../other/x", "a/../../other/x", "a//x"])
async def test_a_name_that_leads_out_of_the_container_is_refused(
    payloads: ForeignPayloads, container: ContainerClient, name: str
) -> None:
    quoted = name.replace("..", "%2E%2E")
    for token in (f"blob:v1:{container.container_name}:{name}", v2(container, quoted)):
        with pytest.raises(perdure.PayloadError, match=r"input: .*names no blob"):
            await payloads.resolve(token, what="input")


@pytest.mark.parametrize("kind", ["v1", "v2"])
async def test_another_container_is_not_read(
    payloads: ForeignPayloads, container: ContainerClient, kind: str
) -> None:
    address = container.url.rpartition("/")[0]
    token = {"v1": "blob:v1:private:x", "v2": f"blob:v2:{address}/private/x"}[kind]
    with pytest.raises(perdure.PayloadError, match=f"{CONTAINER_SETTING}=private"):
        await payloads.resolve(token, what="input")


async def test_without_the_setting_an_error_says_what_and_which(container: ContainerClient) -> None:
    payloads = open_foreign_payloads(variables={})
    assert not payloads.is_configured
    assert payloads.sdk_store() is None
    assert await payloads.resolve("1", what="input") == "1"
    what = "input of workflow instance 'trip-1'"
    with pytest.raises(perdure.PayloadError, match=rf"{what}: .*blob:v1:c:b.*{SETTING}"):
        await payloads.resolve("blob:v1:c:b", what=what)


async def test_a_blob_that_was_deleted_says_so(
    payloads: ForeignPayloads, container: ContainerClient
) -> None:
    token = f"blob:v1:{container.container_name}:gone"
    with pytest.raises(perdure.PayloadError, match=r"input: there is no blob .*/gone in http"):
        await payloads.resolve(token, what="input")


async def test_damaged_blobs_are_told_from_empty_ones(
    payloads: ForeignPayloads, container: ContainerClient
) -> None:
    packed = gzip.compress(b'"text"' * 1000)
    for name, data in {"cut": packed[:-9], "bits": b"\x1f\x8bxx", "bytes": b"\xff\xfe"}.items():
        container.upload_blob(name, data)
        with pytest.raises(perdure.PayloadError, match=r"input: .*damaged"):
            await payloads.resolve(v2(container, name), what="input")
    container.upload_blob("empty", b"")
    assert await payloads.resolve(v2(container, "empty"), what="input") == ""


async def test_a_blob_over_the_limit_is_refused_packed_or_not(
    payloads: ForeignPayloads, container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_payloads, "MAX_BYTES", 10_000)
    container.upload_blob("large", b"1" * 10_001)
    container.upload_blob("bomb", gzip.compress(b"1" * 10_001))
    for name in ("large", "bomb"):
        with pytest.raises(perdure.PayloadTooLargeError, match=r"input: 10,001 bytes"):
            await payloads.resolve(v2(container, name), what="input")


@pytest.mark.parametrize("key", ["d3Jvbmc=", "no base64!"])
async def test_a_wrong_key_names_the_account_and_the_setting(
    account: Account, variables: dict[str, str], key: str
) -> None:
    variables[SETTING] = connection_string(port=account.port, key=key)
    payloads = open_foreign_payloads(variables=variables)
    token = f"blob:v1:{variables[CONTAINER_SETTING]}:x"
    pattern = rf"input: .*{account.url}.*{SETTING}"
    with pytest.raises(perdure.PayloadStoreError, match=pattern) as error:
        await payloads.resolve(token, what="input")
    assert key not in str(error.value)


async def test_an_account_that_is_away_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_payloads, "_RETRIES", 0)
    with Azurite(tmp_path) as gone:
        variables = {SETTING: gone.connection_string}
    payloads = open_foreign_payloads(variables=variables)
    with pytest.raises(perdure.PayloadStoreError, match=f"input: .*{gone.url}"):
        await payloads.resolve(f"blob:v1:{DEFAULT_CONTAINER}:x", what="input")


@pytest.mark.parametrize("text", ["secret", "AccountKey=secret", "https://", "ftp://secret"])
def test_a_setting_that_cannot_be_used_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(perdure.ConfigurationError, match=f"{SETTING}: neither") as error:
        open_foreign_payloads(variables={SETTING: text})
    assert "secret" not in str(error.value)


async def test_a_text_is_downloaded_once_for_all_turns(
    payloads: ForeignPayloads, container: ContainerClient
) -> None:
    container.upload_blob("x", b"1")
    assert await payloads.resolve(v2(container, "x"), what="input") == "1"
    container.delete_blob("x")
    assert await payloads.resolve(v2(container, "x"), what="input") == "1"


async def test_what_is_kept_has_a_limit(
    payloads: ForeignPayloads, container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_payloads, "_KEPT_CHARACTERS", 10)
    for name in ("first", "second"):
        container.upload_blob(name, b"1" * 6)
        await payloads.resolve(v2(container, name), what="input")
        container.delete_blob(name)
    assert await payloads.resolve(v2(container, "second"), what="input") == "1" * 6
    with pytest.raises(perdure.PayloadError, match="no blob"):
        await payloads.resolve(v2(container, "first"), what="input")
