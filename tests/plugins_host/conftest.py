"""Plugins to be found: distributions written to a folder and put on the path, as if installed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BACKEND = """
from perdure.spi import Backend, BackendWorker, Capability

class Hollow(Backend):
    '''Has every method, and does nothing.'''

    name = "hollow"
    closed = 0

    def __init__(self, url, *, clock=None):
        self.url = url

    @property
    def capabilities(self):
        return frozenset()

    async def open(self): ...
    async def close(self): self.closed += 1
    def worker(self, program): raise NotImplementedError
    async def start(self, request): raise NotImplementedError
    async def get(self, instance_id): raise NotImplementedError
    async def wait(self, instance_id, *, timeout): raise NotImplementedError
    async def raise_event(self, instance_id, name, payload): raise NotImplementedError
    async def terminate(self, instance_id, *, reason): raise NotImplementedError
    async def purge(self, instance_id): raise NotImplementedError
"""


class Installer(Protocol):
    """Installs a plugin of one module."""

    def __call__(
        self,
        package: str,
        code: str,
        *,
        points: dict[str, str],
        group: str = "perdure.backends",
    ) -> str:
        """Install ``package`` with a module of ``code``; return the module's name.

        ``points`` are entry points; ``"{m}"`` in a value is the module.
        """


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installer]:
    """What installs plugins for the length of a test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules: list[str] = []

    def install(
        package: str,
        code: str,
        *,
        points: dict[str, str],
        group: str = "perdure.backends",
    ) -> str:
        module = f"plugin_{package.replace('-', '_')}"
        (tmp_path / f"{module}.py").write_text(code)
        info = tmp_path / f"{package.replace('-', '_')}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.5\n")
        lines = [f"{name} = {value.replace('{m}', module)}" for name, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))
        modules.append(module)
        return module

    yield install
    for module in modules:
        sys.modules.pop(module, None)
