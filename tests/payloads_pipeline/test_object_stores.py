"""Stores of objects in buckets, as fsspec has them: the ways in which they are not like folders."""

from __future__ import annotations

import gc
from typing import IO, Any, ClassVar

import fsspec
import pytest
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

import perdure
from perdure.payloads.envelope import Reference
from perdure.payloads.keeper import Keeper
from perdure.payloads.store import open_store

GONE = Reference(root="a", digest="0" * 64, size=1)


class BufferedFile(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    """A file that is complete once it is closed, like those of adlfs, gcsfs and s3fs."""

    def _initiate_upload(self) -> None:
        self.parts: list[bytes] = []

    def _upload_chunk(self, final: bool = False) -> bool:
        self.parts.append(self.buffer.getvalue())
        if final:
            BucketFileSystem.objects[self.path] = b"".join(self.parts)
        return True


class BucketFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Objects in the one bucket ``here``."""

    protocol = "bucket"
    objects: ClassVar[dict[str, bytes]] = {}

    def __init__(self, *, account: str = "mine", **options: Any) -> None:
        super().__init__(**options)
        if account != "mine":
            raise ValueError(f"no such account: {account}")

    def exists(self, path: str, **_: Any) -> bool:
        return path == "here" or path in self.objects

    def cat_file(self, path: str, **_: Any) -> bytes:
        if path not in self.objects:
            raise FileNotFoundError(path)
        return self.objects[path]

    def _open(self, path: str, mode: str = "rb", **options: Any) -> IO[bytes]:
        if mode == "rb" and path not in self.objects:
            raise FileNotFoundError(path)
        file: IO[bytes] = BufferedFile(self, path, mode, **options)
        return file


@pytest.fixture(autouse=True)
def objects() -> dict[str, bytes]:
    """Return what is in the bucket, by its path."""
    fsspec.register_implementation("bucket", BucketFileSystem, clobber=True)
    BucketFileSystem.objects.clear()
    return BucketFileSystem.objects


def test_an_object_is_complete_when_it_is_put(objects: dict[str, bytes]) -> None:
    store = open_store("bucket://here/prefix")
    store.put("A", "x", b"data")
    assert objects == {"here/prefix/=a/x": b"data"}
    assert store.get("A", "x") == b"data"


@pytest.mark.parametrize("size", [4, 20_000_000])
def test_a_write_that_fails_leaves_nothing(objects: dict[str, bytes], size: int) -> None:
    store = open_store("bucket://here/prefix")

    def write_half() -> None:
        with store.writer("a", "x") as file:
            file.write(b"h" * size)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    gc.collect()  # which closes files
    assert objects == {}


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("bucket://here/prefix", perdure.PayloadError),
        ("bucket://gone/prefix", perdure.PayloadStoreError),
    ],
)
def test_a_bucket_that_is_not_there_is_no_purged_object(url: str, error: type[Exception]) -> None:
    keeper = Keeper(open_store(url), delays=(0.01,) * 3)
    with pytest.raises(error, match=f"result: .*{url}"):
        keeper.get(GONE, what="result")
    with pytest.raises(error, match=f"blob: .*{url}"):
        keeper.insist(lambda: keeper.store.reader("a", "x").__enter__(), what="blob")


def test_a_setting_that_cannot_be_used_is_not_tried_again() -> None:
    keeper = Keeper(open_store("bucket://here", options={"account": "other"}), delays=(3600,))
    with pytest.raises(perdure.PayloadStoreError, match=r"result: .*no such account: other"):
        keeper.put(b"data", root="a", what="result")


def test_an_error_of_many_lines_is_told_in_one() -> None:
    keeper = Keeper(open_store("bucket://here"), delays=())

    def fail() -> None:
        raise OSError("The key is wrong.\nRequestId: 1\n<?xml …>")

    with pytest.raises(perdure.PayloadStoreError, match=r"\(The key is wrong\.\);"):
        keeper.insist(fail, what="result")
