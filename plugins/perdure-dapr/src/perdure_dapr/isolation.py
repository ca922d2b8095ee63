"""Isolation: Dapr's and Microsoft's generated protobuf modules side by side in one process.

Both SDKs define the same messages without a package, so whichever is imported second fails with
``duplicate symbol 'OrchestrationStatus'``. Its modules are given a package of their own while they
are imported. Nothing of that is seen on the wire, where messages have no names and the methods of
the service are written out in the code.
"""

from __future__ import annotations

import builtins
import importlib.abc
import importlib.machinery
import sys
import threading
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from google.protobuf.descriptor_pb2 import DescriptorProto

_DAPR = "dapr.ext.workflow._durabletask.internal."
_MICROSOFT = "durabletask.internal."
_GENERATED = "_pb2"
_lock = threading.Lock()


def isolate() -> None:
    """Have Dapr's messages loaded under a package of their own. May be called twice.

    To be called before the first import of Dapr's workflow SDK. Where somebody else has imported it
    already, it stays as it is, and Microsoft's messages get the package instead.
    """
    with _lock:
        if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
            second = _MICROSOFT if _is_loaded(_DAPR) else _DAPR
            sys.meta_path.insert(0, _Finder(second))


def _is_loaded(prefix: str) -> bool:
    return any(name.startswith(prefix) and name.endswith(_GENERATED) for name in sys.modules)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the generated modules of one SDK."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._package = f"perdure_isolated_{prefix.partition('.')[0]}"

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to load ``fullname``, if it is one of them."""
        if not (fullname.startswith(self._prefix) and fullname.endswith(_GENERATED)):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, importlib.abc.InspectLoader):
            spec.loader = _Loader(spec.loader, package=self._package)
        return spec


class _Loader(importlib.abc.Loader):
    """Executes a generated module with a pool that puts its messages into ``package``.

    The module is given the pool by an ``__import__`` of its own: nothing that other threads import
    meanwhile is touched.
    """

    def __init__(self, loader: importlib.abc.InspectLoader, *, package: str) -> None:
        self._loader = loader
        self._protobuf = _Protobuf(package)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Leave it to the import system."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module."""
        code = self._loader.get_code(module.__name__)
        assert code is not None
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": self._import}
        try:
            exec(code, module.__dict__)
        finally:
            module.__dict__["__builtins__"] = builtins

    def _import(self, name: str, *args: Any) -> Any:
        module = builtins.__import__(name, *args)
        return self._protobuf if name == "google.protobuf" else module


class _Protobuf:
    """The package ``google.protobuf``, with another default pool."""

    def __init__(self, package: str) -> None:
        self.descriptor_pool = self
        self._package = package

    def Default(self) -> _Pool:
        """Return the pool."""
        return _Pool(self._package)

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.modules["google.protobuf"], name)


class _Pool:
    """Protobuf's pool, with files that have no package put into one."""

    def __init__(self, package: str) -> None:
        self._package = package

    def AddSerializedFile(self, data: bytes) -> Any:
        """Add a file and return its descriptor."""
        file = FileDescriptorProto.FromString(data)
        if not file.package:
            data = _moved(file, self._package).SerializeToString()
        return descriptor_pool.Default().AddSerializedFile(data)


def _moved(file: FileDescriptorProto, package: str) -> FileDescriptorProto:
    file.package = package
    file.name = f"{package}/{file.name}"
    for number, needed in enumerate(file.dependency):
        if not needed.startswith("google/"):
            file.dependency[number] = f"{package}/{needed}"
    for message in file.message_type:
        _move_fields(message, package)
    for service in file.service:
        for method in service.method:
            method.input_type = _moved_type(method.input_type, package)
            method.output_type = _moved_type(method.output_type, package)
    return file


def _move_fields(message: DescriptorProto, package: str) -> None:
    for field in (*message.field, *message.extension):
        if field.type_name:
            field.type_name = _moved_type(field.type_name, package)
    for nested in message.nested_type:
        _move_fields(nested, package)


def _moved_type(name: str, package: str) -> str:
    if name.startswith(".google.protobuf."):
        return name
    return f".{package}{name}"
