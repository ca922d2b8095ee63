"""Stores that fsspec reaches: S3, GCS, Azure Blob Storage and so on. Imported only if used."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import fsspec
from fsspec.spec import AbstractBufferedFile

from perdure.errors import ConfigurationError, PluginError
from perdure.payloads.store import folder_name, root_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from perdure.payloads.store import Snapshot

_STAMPS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created", "size")
# Some file systems would hold 50 MiB of each blob in memory, and a part on S3 has 5 MiB at least.
_BLOCK_BYTES = 8 * 1024 * 1024


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
        # Not one that is shared with the program: it has retries of perdure's, and credentials that
        # come from variables do not count when fsspec looks for one that is there already.
        options = {**self._options, "skip_instance_cache": True}
        try:
            file_system, path = fsspec.core.url_to_fs(self.url, **options)
        except (TypeError, ValueError) as err:
            raise ConfigurationError(setting="payloads", problem=f"{self.url!r}: {err}") from err
        _hurry(file_system)
        return file_system, path.rstrip("/")

    def put(self, root: str, name: str, data: bytes) -> None:
        """Write an object."""
        file_system, base = self._place
        file_system.makedirs(f"{base}/{folder_name(root)}", exist_ok=True)
        file_system.pipe_file(self._path(root, name), data)

    def get(self, root: str, name: str) -> bytes:
        """Return an object."""
        file_system, _ = self._place
        with self._told_apart():
            data: bytes = file_system.cat_file(self._path(root, name))
        return data

    @contextmanager
    def writer(self, root: str, name: str) -> Iterator[IO[bytes]]:
        """Return a file to write an object to; stores of objects show it only when complete."""
        file_system, base = self._place
        file_system.makedirs(f"{base}/{folder_name(root)}", exist_ok=True)
        file = file_system.open(self._path(root, name), "wb", block_size=_BLOCK_BYTES)
        try:
            yield file
        except BaseException:
            if hasattr(file, "discard"):
                file.discard()
            if isinstance(file, AbstractBufferedFile):
                file.closed = True  # or the garbage collector would close it, and complete it
            raise
        file.close()

    @contextmanager
    def reader(self, root: str, name: str) -> Iterator[IO[bytes]]:
        """Return a file to read an object from."""
        file_system, _ = self._place
        file_system.invalidate_cache()  # an old listing would hide what was written since
        with self._told_apart():
            file = file_system.open(self._path(root, name), "rb", block_size=_BLOCK_BYTES)
        with file:
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

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        """See to it that a bucket that is not there does not look like an object that is not."""
        try:
            yield
        except FileNotFoundError as err:
            file_system, base = self._place
            bucket, _, _ = base.partition("/")  # none where a path begins with a slash
            if bucket and not file_system.exists(bucket):
                problem = (
                    f"there is no bucket or container {bucket!r}; make it, or put the name right"
                )
                raise NotADirectoryError(problem) from err
            raise


def _hurry(file_system: Any) -> None:
    """Leave it to the keeper to try again, where a vendor's SDK would do so for long by itself.

    That of Azure's storage waits 80 s before it says that a server is away, and adlfs has no option
    for it. One retry is left, for connections that were dropped.
    """
    client = getattr(file_system, "service_client", None)
    policy: Any = getattr(getattr(client, "_config", None), "retry_policy", None)
    if hasattr(policy, "total_retries"):
        policy.total_retries = 1
        policy.initial_backoff = policy.increment_base = 0
        policy.random_jitter_range = 1


def _stamp(info: Mapping[str, Any]) -> object:
    return tuple(str(info.get(key)) for key in _STAMPS)
