"""Blobs: any size in bounded memory, checked when read, gone with their root."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure.payloads.blob import PIECE, read_blob, write_blob
from perdure.payloads.home import Home
from perdure.payloads.pipeline import PayloadPipeline, open_pipeline
from perdure.payloads.settings import Payloads
from tests.payloads_pipeline.world import KEYS, SECONDS, registry, twice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.payloads_pipeline.world import World

MEBIBYTES = 32


@registry.activity
def upper(blob: perdure.Blob) -> perdure.Blob:
    return perdure.Blob.write(piece.upper() for piece in blob.read())


@registry.activity
async def copied(blob: perdure.Blob, folder: str) -> perdure.Blob:
    path = f"{folder}/copy"
    await blob.download(path)
    return await perdure.Blob.upload(path)


@registry.activity
async def counted(blob: perdure.Blob) -> int:
    return sum([len(piece) async for piece in blob.stream()])


@registry.workflow
async def work(blob: perdure.Blob, folder: str) -> tuple[perdure.Blob, int]:
    blob = await copied(await upper(blob), folder)
    return blob, await counted(blob)


async def test_blobs_pass_through_client_workflow_and_activities(world: World) -> None:
    data = b"some bytes " * 300_000
    source = world.folder / "source"
    source.write_bytes(data)
    async with world.app(keys=KEYS, codecs=("gzip",)).run() as client:
        blob = await client.upload("a", source)
        handle = await client.start(work, blob, str(world.folder), instance_id="a")
        result, size = await handle.result(timeout=SECONDS)
        assert size == len(data) == blob.size
        await client.download(result, world.folder / "target")
        assert (world.folder / "target").read_bytes() == data.upper()
        assert b"".join([piece async for piece in client.stream(blob)]) == data
        assert world.owners() == {"a"}
        await handle.purge()
    assert world.objects() == []


def test_plain_code_has_the_same(world: World) -> None:
    with world.app().client() as client:
        blob = client.upload("a", [b"one", b"two" * PIECE])
        assert b"".join(client.stream(blob)) == b"one" + b"two" * PIECE
        client.download(blob, world.folder / "target")
        assert client.sweep_payloads(grace=timedelta()) == 1
    assert world.objects() == []


@pytest.mark.parametrize("options", [{}, {"codecs": ("zstd",), "keys": KEYS}])
def test_memory_stays_bounded(world: World, options: dict[str, Any]) -> None:
    pipeline = open_pipeline(Payloads(store=f"file://{world.store}", **options))
    home = Home(pipeline=pipeline, root="a")

    def pieces() -> Iterator[bytes]:
        for number in range(MEBIBYTES):
            yield hashlib.sha256(bytes([number])).digest() * (PIECE // 32)

    tracemalloc.start()
    try:
        blob = write_blob(home, pieces())
        size = sum(len(piece) for piece in read_blob(pipeline, blob))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size == blob.size == MEBIBYTES * PIECE
    assert peak < 8 * PIECE


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1])
@pytest.mark.parametrize("keys", [(), KEYS])
def test_every_size_comes_back(world: World, size: int, keys: Any) -> None:
    pipeline = open_pipeline(Payloads(store=f"file://{world.store}", keys=keys))
    blob = write_blob(Home(pipeline=pipeline, root="a"), io.BytesIO(b"q" * size))
    assert blob.size == size
    assert b"".join(read_blob(pipeline, blob)) == b"q" * size


def test_what_was_cut_or_altered_is_noticed(world: World) -> None:
    pipeline = open_pipeline(Payloads(store=f"file://{world.store}"))
    blob = write_blob(Home(pipeline=pipeline, root="a"), [b"q" * 5000])
    (path,) = world.objects()
    whole = path.read_bytes()
    for spoilt in (whole[:-1], whole[:2], b"", whole + b"x", whole.replace(b"qq", b"qr", 1)):
        path.write_bytes(spoilt)
        with pytest.raises(perdure.PayloadError, match="cut or altered"):
            list(read_blob(pipeline, blob))
    path.unlink()
    with pytest.raises(perdure.PayloadError, match="not in the payload store"):
        list(read_blob(pipeline, blob))


def test_without_a_store_or_an_activity_there_are_no_blobs(tmp_path: Path) -> None:
    with pytest.raises(perdure.ConfigurationError, match="blobs need a payload store"):
        write_blob(Home(pipeline=PayloadPipeline(), root="a"), [b""])
    with pytest.raises(perdure.NotInActivityError, match=r"client\.upload"):
        perdure.Blob.write(tmp_path / "none")


async def test_a_sweep_removes_what_belongs_to_no_instance(world: World) -> None:
    async with world.app().run() as client:
        handle = await client.start(twice, "x" * 300_000, instance_id="kept")
        await handle.result(timeout=SECONDS)
        await client.upload("never-started", [b"bytes"])
        assert await client.sweep_payloads(grace=timedelta(milliseconds=10)) == 1
        assert world.owners() == {"kept"}
        assert await client.sweep_payloads() == 0
