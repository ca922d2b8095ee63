"""The payload store: objects in a folder each for the root instances that they belong to.

``file:`` stores are perdure's own, because an object must be on the disk before anything refers to
it. Every other kind is reached through fsspec.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from perdure.errors import ConfigurationError, PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

Snapshot = dict[str, object]
"""Objects by their full names, and a mark of each that changes when it is written again."""

_TEMPORARY = ".part-"


class ObjectStore(Protocol):
    """Objects by ``root`` and ``name``. Blocks; used by several threads at once.

    ``OSError`` and what else a file system raises means: try again. ``FileNotFoundError`` means
    that there is no such object.
    """

    url: str

    def put(self, root: str, name: str, data: bytes) -> None:
        """Write an object, durably and all at once; one of that name is replaced."""

    def get(self, root: str, name: str) -> bytes:
        """Return an object."""

    def writer(self, root: str, name: str) -> AbstractContextManager[IO[bytes]]:
        """Return a file to write an object to. It is there once the block has ended well."""

    def reader(self, root: str, name: str) -> AbstractContextManager[IO[bytes]]:
        """Return a file to read an object from."""

    def snapshot(self, root: str) -> Snapshot:
        """Return what belongs to ``root``."""

    def remove(self, root: str, snapshot: Snapshot) -> int:
        """Remove the objects of a snapshot that nobody has written again since; return how many."""

    def roots(self) -> list[str]:
        """Return the roots that own anything."""


def open_store(url: str, *, options: Mapping[str, Any] | None = None) -> ObjectStore:
    """Return the store at ``url``; nothing is read or written yet.

    Raises:
        ConfigurationError: It is no URL of a store.
        PluginError: What reaches such stores is not installed.
    """
    scheme, mark, _ = url.partition("://")
    if not mark:
        problem = f"{url!r} is no URL of a store; for example file:///var/lib/perdure or s3://…"
        raise ConfigurationError(setting="payloads", problem=problem)
    if scheme == "file":
        return FileStore(url)
    try:
        from perdure.payloads.fsspec_store import FsspecStore
    except ImportError as err:
        problem = f"{url!r} needs fsspec; type: pip install 'perdure[store]'"
        raise PluginError(plugin=scheme, problem=problem) from err
    return FsspecStore(url, options or {})


def folder_name(root: str) -> str:
    """Return the folder of a root. Some file systems know no capital letters, and ids do."""
    return "".join(f"={letter.lower()}" if letter.isupper() else letter for letter in root)


def root_of(folder: str) -> str:
    """Return the root of a folder."""
    first, *rest = folder.split("=")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


class FileStore:
    """A folder of this machine, or one that all workers have mounted."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        path = unquote(parts.path)
        if parts.netloc not in {"", "localhost"} or not path.startswith("/"):
            problem = f"{url!r}: three slashes begin a path, as in file:///var/lib/perdure"
            raise ConfigurationError(setting="payloads", problem=problem)
        self.url = url
        # "file:///./here" and "file:///~/here" are for trying things out.
        if path.startswith(("/./", "/~")):
            path = path[1:]
        self._base = Path(path).expanduser().absolute()

    def put(self, root: str, name: str, data: bytes) -> None:
        """Write an object, durably and all at once."""
        with self.writer(root, name) as file:
            file.write(data)

    def get(self, root: str, name: str) -> bytes:
        """Return an object."""
        self._check()
        return self._path(root, name).read_bytes()

    @contextmanager
    def writer(self, root: str, name: str) -> Iterator[IO[bytes]]:
        """Return a file to write an object to."""
        target = self._path(root, name)
        is_new = not target.parent.is_dir()
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=_TEMPORARY, dir=target.parent)
        try:
            with open(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        _sync(target.parent)
        if is_new:
            _sync(self._base)
            _sync(self._base.parent)

    @contextmanager
    def reader(self, root: str, name: str) -> Iterator[IO[bytes]]:
        """Return a file to read an object from."""
        self._check()
        with self._path(root, name).open("rb") as file:
            yield file

    def snapshot(self, root: str) -> Snapshot:
        """Return what belongs to ``root``."""
        found: Snapshot = {}
        with suppress(FileNotFoundError), os.scandir(self._base / folder_name(root)) as entries:
            for entry in entries:
                stat = entry.stat()
                found[entry.path] = (stat.st_mtime_ns, stat.st_ino)
        return found

    def remove(self, root: str, snapshot: Snapshot) -> int:
        """Remove what has not been written again since."""
        now = self.snapshot(root)
        removed = 0
        for path, stamp in snapshot.items():
            if now.get(path) == stamp:
                with suppress(FileNotFoundError):
                    os.unlink(path)
                    removed += 1
        with suppress(OSError):  # something is left in it
            (self._base / folder_name(root)).rmdir()
        return removed

    def roots(self) -> list[str]:
        """Return the roots that own anything."""
        try:
            return sorted(root_of(path.name) for path in self._base.iterdir() if path.is_dir())
        except FileNotFoundError:
            return []

    def _path(self, root: str, name: str) -> Path:
        return self._base / folder_name(root) / name

    def _check(self) -> None:
        # A folder that is not mounted must not look like an object that was purged.
        if not self._base.is_dir():
            raise NotADirectoryError(f"the folder {self._base} is not there")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
