"""Stores: perdure's own for files, fsspec's for everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure.payloads.store import FileStore, open_store

if TYPE_CHECKING:
    from pathlib import Path

    from perdure.payloads.store import ObjectStore


@pytest.fixture(params=["file", "memory", "local"])
def store(request: Any, tmp_path: Path) -> ObjectStore:
    base = f"/{request.node.name}" if request.param == "memory" else tmp_path / "store"
    return open_store(f"{request.param}://{base}")


def test_what_was_put_can_be_got_listed_and_removed(store: ObjectStore) -> None:
    for root in ("Aa", "aA"):
        store.put(root, "x", b"one")
        store.put(root, "y", b"")
    assert store.get("Aa", "x") == b"one"
    assert store.get("aA", "y") == b""
    assert store.roots() == ["Aa", "aA"]
    assert store.remove("Aa", store.snapshot("Aa")) == 2
    assert store.roots() == ["aA"]
    assert store.snapshot("Aa") == {}
    with pytest.raises(FileNotFoundError):
        store.get("Aa", "x")


def test_what_is_written_again_after_the_look_stays(store: ObjectStore) -> None:
    store.put("a", "x", b"one")
    found = store.snapshot("a")
    store.put("a", "x", b"one")
    assert store.remove("a", found) == 0
    assert store.get("a", "x") == b"one"


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = FileStore(f"file://{tmp_path}")

    def write_half() -> None:
        with store.writer("a", "x") as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert store.snapshot("a") == {}


@pytest.mark.parametrize("url", ["nothing", "no-such-scheme://x"])
def test_what_is_no_store_says_so(url: str) -> None:
    with pytest.raises((perdure.ConfigurationError, perdure.PluginError), match=url):
        open_store(url)
