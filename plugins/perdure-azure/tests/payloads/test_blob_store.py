"""perdure's own payload store in Azure Blob Storage, on Azurite."""

from __future__ import annotations

import asyncio
import base64
import gc
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from azure_kit.azurite import Azurite, connection_string

import perdure
from perdure.payloads.envelope import Reference
from perdure.payloads.keeper import Keeper
from perdure.payloads.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from azure.storage.blob import ContainerClient
    from azure_kit.azurite import Account

pytestmark = [
    pytest.mark.timeout(180),  # the first one on a machine installs Azurite
    # aiohttp says so of every body over 1 MiB that is bytes; that loop is fsspec's, and not ours.
    pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning"),
]

SECONDS = timedelta(seconds=20)
TEN_MEGABYTES = 10_000_000
WRONG_KEY = base64.b64encode(b"wrong" * 12).decode()

registry = perdure.Registry()


@registry.activity
async def double(text: str) -> str:
    return text * 2


@registry.workflow
async def twice(text: str) -> str:
    return await double(text)


def keeper_of(container: ContainerClient, *, tries: int = 2) -> Keeper:
    url = f"abfs://{container.container_name}/prefix"
    return Keeper(open_store(url), delays=(0.01,) * (tries - 1))


def names_in(container: ContainerClient) -> list[str]:
    return sorted(container.list_blob_names())


def test_ten_megabytes_come_back_as_they_were(container: ContainerClient) -> None:
    keeper = keeper_of(container)
    data = os.urandom(TEN_MEGABYTES)
    reference = keeper.put(data, root="Trip", what="arguments")
    assert keeper.get(reference, what="arguments") == data
    assert names_in(container) == [f"prefix/=trip/{reference.digest}"]


def test_nothing_at_all_comes_back_too(container: ContainerClient) -> None:
    keeper = keeper_of(container)
    assert keeper.get(keeper.put(b"", root="a", what="x"), what="x") == b""


async def test_a_workflow_passes_large_payloads_and_purges_them(
    container: ContainerClient, tmp_path: Path
) -> None:
    app = perdure.App(
        "azure",
        backend=f"sqlite:///{tmp_path}/perdure.db",
        payloads=f"az://{container.container_name}/hub",
    )
    app.include(registry)
    async with app.run() as client:
        handles = [await client.start(twice, "x" * 1_000_000, instance_id=it) for it in ("a", "b")]
        for handle in handles:
            assert await handle.result(timeout=SECONDS) == "x" * 2_000_000
        assert {name.rpartition("/")[0] for name in names_in(container)} == {"hub/a", "hub/b"}
        await handles[0].purge()
        assert {name.rpartition("/")[0] for name in names_in(container)} == {"hub/b"}


def test_purging_a_prefix_deletes_its_blobs_and_no_others(container: ContainerClient) -> None:
    store = open_store(f"abfs://{container.container_name}/prefix")
    for root in ("a", "aa", "A"):
        for name in ("x", "y"):
            store.put(root, name, b"data")
    assert store.roots() == ["A", "a", "aa"]
    assert store.remove("a", store.snapshot("a")) == 2
    assert store.roots() == ["A", "aa"]
    kept = ["prefix/=a/x", "prefix/=a/y", "prefix/aa/x", "prefix/aa/y"]
    assert names_in(container) == kept


def test_what_is_written_again_after_the_look_stays(container: ContainerClient) -> None:
    store = open_store(f"abfs://{container.container_name}/prefix")
    store.put("a", "x", b"data")
    found = store.snapshot("a")
    store.put("a", "x", b"data")
    assert store.remove("a", found) == 0
    assert store.get("a", "x") == b"data"


def test_what_was_purged_says_so(container: ContainerClient) -> None:
    gone = Reference(root="a", digest="0" * 64, size=1)
    with pytest.raises(
        perdure.PayloadError, match=r"result: not in the payload store abfs://.*pur"
    ):
        keeper_of(container, tries=3).get(gone, what="result")


def test_a_container_that_is_not_there_is_no_purged_object(container: ContainerClient) -> None:
    keeper = keeper_of(container)
    reference = keeper.put(b"data", root="a", what="result")
    container.delete_container()
    for call in (
        lambda: keeper.get(reference, what="result"),
        lambda: keeper.put(b"data", root="a", what="result"),
        lambda: keeper.insist(lambda: keeper.store.reader("a", "x").__enter__(), what="result"),
    ):
        with pytest.raises(
            perdure.PayloadStoreError, match=r"result: .*abfs://.*container"
        ) as error:
            call()
        assert "PERDURE_PAYLOADS" in str(error.value)
        assert "\n" not in str(error.value)
    assert not container.exists()


def test_a_wrong_key_says_which_store_and_what_to_do(
    account: Account, container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = connection_string(port=account.port, key=WRONG_KEY)
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text)
    pattern = rf"result: .*abfs://{container.container_name}/prefix .*authenticate.*access rights"
    with pytest.raises(perdure.PayloadStoreError, match=pattern) as error:
        keeper_of(container).put(b"data", root="a", what="result")
    assert WRONG_KEY not in str(error.value)


def test_without_an_account_it_is_not_tried_again(
    container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
    keeper = Keeper(open_store(f"abfs://{container.container_name}"), delays=(3600,))
    with pytest.raises(perdure.PayloadStoreError, match="account_name"):
        keeper.put(b"data", root="a", what="result")


def test_an_account_that_is_away_is_told_within_seconds(
    tmp_path: Path, container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Azurite(tmp_path) as gone:
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", gone.connection_string)
    began = time.monotonic()
    with pytest.raises(perdure.PayloadStoreError, match="Cannot connect"):
        keeper_of(container, tries=1).put(b"data", root="a", what="result")
    assert time.monotonic() - began < 20  # Azure's SDK by itself: 80


def test_an_account_that_is_back_goes_on(
    tmp_path: Path, service: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    azurite = Azurite(tmp_path)
    with azurite as account:
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", account.connection_string)
        store = open_store("abfs://box/prefix")
        store_made(account, "box")
        store.put("a", "x", b"data")
    with pytest.raises(Exception, match="Cannot connect"):
        store.put("a", "x", b"data")
    try:
        azurite.start(port=account.port)
        store_made(account, "box")
        Keeper(store, delays=(0.1,) * 10).put(b"data", root="a", what="x")
    finally:
        azurite.stop()


def store_made(account: Account, name: str) -> None:
    from azure.storage.blob import BlobServiceClient

    with BlobServiceClient.from_connection_string(account.connection_string) as client:
        client.create_container(name)


@pytest.mark.parametrize("size", [4, 20_000_000])
def test_a_write_that_fails_leaves_nothing(container: ContainerClient, size: int) -> None:
    store = open_store(f"abfs://{container.container_name}/prefix")

    def write_half() -> None:
        with store.writer("a", "blob") as file:
            file.write(b"h" * size)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    gc.collect()  # which closes files
    assert names_in(container) == []


def test_a_stream_comes_back_as_it_was(container: ContainerClient) -> None:
    store = open_store(f"abfs://{container.container_name}/prefix")
    pieces = [os.urandom(1024 * 1024) for _ in range(20)]
    with store.writer("a", "blob") as file:
        for piece in pieces:
            file.write(piece)
    with store.reader("a", "blob") as file:
        assert [file.read(1024 * 1024) for _ in range(20)] == pieces
        assert file.read() == b""


def test_many_threads_write_and_read_at_once(container: ContainerClient) -> None:
    keeper = keeper_of(container)

    def turn(number: int) -> bool:
        data = f"object {number % 5} ".encode() * 10_000
        reference = keeper.put(data, root="a", what="x")
        return keeper.get(reference, what="x") == data

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(turn, range(80)))
    assert len(names_in(container)) == 5


_WRITER = """
import sys
from perdure.payloads.keeper import Keeper
from perdure.payloads.store import open_store

keeper = Keeper(open_store(sys.argv[1]), delays=(0.1,))
print("ready", flush=True)
sys.stdin.readline()
for number in range(30):
    keeper.put(f"object {number}".encode() * 1000, root="a", what="x")
"""


def test_two_processes_write_the_same_objects_at_once(container: ContainerClient) -> None:
    url = f"abfs://{container.container_name}/prefix"
    command = [sys.executable, "-c", _WRITER, url]
    writers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
        for writer in writers:
            writer.communicate(b"go\n", timeout=60)
        assert [writer.returncode for writer in writers] == [0, 0]
    finally:
        for writer in writers:
            if writer.returncode is None:
                writer.kill()
                writer.communicate()
    store = open_store(url)
    assert len(store.snapshot("a")) == 30
    # What this process has listed does not hide what another one writes.
    container.upload_blob("prefix/a/new", b"new")
    with store.reader("a", "new") as file:
        assert file.read() == b"new"


async def test_a_large_write_leaves_the_event_loop_free(container: ContainerClient) -> None:
    keeper = keeper_of(container)
    gaps = []

    async def beat() -> None:
        while True:
            last = time.monotonic()
            await asyncio.sleep(0.01)
            gaps.append(time.monotonic() - last)

    beating = asyncio.create_task(beat())
    data = os.urandom(4 * TEN_MEGABYTES)
    reference = await keeper.put_async(data, root="a", what="x", is_patient=False)
    assert await keeper.get_async(reference, what="x", is_patient=False) == data
    beating.cancel()
    assert len(gaps) > 5
    assert max(gaps) < 1


def test_a_store_outlives_the_event_loop_that_used_it_first(container: ContainerClient) -> None:
    keeper = keeper_of(container)

    async def turn(data: bytes) -> bytes:
        reference = await keeper.put_async(data, root="a", what="x", is_patient=False)
        return await keeper.get_async(reference, what="x", is_patient=False)

    assert [asyncio.run(turn(data)) for data in (b"one", b"two")] == [b"one", b"two"]
    # And it makes no loop of its own in the threads that call it.
    before = threading.active_count()
    asyncio.run(turn(b"three"))
    assert threading.active_count() <= before
