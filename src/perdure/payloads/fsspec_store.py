"""Stores that fsspec reaches: S3, GCS, Azure Blob Storage and so on. Imported only if used."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import fsspec

from perdure.errors import ConfigurationError, PluginError
from perdure.payloads.store import folder_name, root_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from perdure.payloads.store import Snapshot

_STAMPS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created", "size")


class FsspecStore:
    """See :class:`perdure.payloads.store.ObjectStore`."""

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self.url = url
        self._options = options
        try:
            fsspec.get_filesystem_class(url.partition("://")[0])
        except ImportError as err:
            raise PluginError(plugin="payloads", problem=f"{url!r}: {err}") from err
        except ValueError as err:
            raise ConfigurationError(setting="payloads", problem=f"{url!r}: {err}") from err

    @functools.cached_property
    def _place(self) -> tuple[Any, str]:
        """The file system and the folder in it. Made on first use: that may need the network."""
        file_system, path = fsspec.core.url_to_fs(self.url, **self._options)
        return file_system, path.rstrip("/")

    def put(self, root: str, name: str, data: bytes) -> None:
        """Write an object."""
        with self.writer(root, name) as file:
            file.write(data)

    def get(self, root: str, name: str) -> bytes:
        """Return an object."""
        file_system, _ = self._place
        data: bytes = file_system.cat_file(self._path(root, name))
        return data

    @contextmanager
    def writer(self, root: str, name: str) -> Iterator[IO[bytes]]:
        """Return a file to write an object to; stores of objects show it only when complete."""
        file_system, base = self._place
        file_system.makedirs(f"{base}/{folder_name(root)}", exist_ok=True)
        file = file_system.open(self._path(root, name), "wb")
        try:
            yield file
        except BaseException:
            if hasattr(file, "discard"):
                file.discard()
            raise
        file.close()

    @contextmanager
    def reader(self, root: str, name: str) -> Iterator[IO[bytes]]:
        """Return a file to read an object from."""
        file_system, _ = self._place
        with file_system.open(self._path(root, name), "rb") as file:
            yield file

    def snapshot(self, root: str) -> Snapshot:
        """Return what belongs to ``root``."""
        file_system, base = self._place
        file_system.invalidate_cache()
        try:
            found = file_system.find(f"{base}/{folder_name(root)}", detail=True)
        except FileNotFoundError:
            return {}
        return {path: _stamp(info) for path, info in found.items()}

    def remove(self, root: str, snapshot: Snapshot) -> int:
        """Remove what has not been written again since."""
        file_system, base = self._place
        now = self.snapshot(root)
        unchanged = [path for path, stamp in snapshot.items() if now.get(path) == stamp]
        for path in unchanged:
            file_system.rm_file(path)
        if unchanged and len(unchanged) == len(now):
            try:
                file_system.rmdir(f"{base}/{folder_name(root)}")
            except (OSError, NotImplementedError):
                return len(unchanged)  # not every store has folders
        return len(unchanged)

    def roots(self) -> list[str]:
        """Return the roots that own anything."""
        file_system, base = self._place
        file_system.invalidate_cache()
        try:
            entries = file_system.ls(base, detail=False)
        except FileNotFoundError:
            return []
        return sorted(root_of(entry.rstrip("/").rpartition("/")[2]) for entry in entries)

    def _path(self, root: str, name: str) -> str:
        return f"{self._place[1]}/{folder_name(root)}/{name}"


def _stamp(info: Mapping[str, Any]) -> object:
    return tuple(str(info.get(key)) for key in _STAMPS)
