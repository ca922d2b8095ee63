"""A plugin is held to what it says of itself: its SPI version, and its capabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perdure import App
from perdure.errors import PluginError
from perdure.plugins import load_backend
from perdure.spi import SPI_VERSION
from tests.plugins_host.conftest import BACKEND

if TYPE_CHECKING:
    from perdure.spi import Backend
    from tests.plugins_host.conftest import Installer

HOOK = "from perdure.spi.hookspecs import hookimpl\n@hookimpl\n"


def made_by(install: Installer, code: str) -> Backend:
    install("acme", BACKEND + code, points={"hollow": "{m}:Mine"})
    return load_backend("hollow", setting="PERDURE_BACKEND")("hollow")


def declaring(text: str) -> str:
    return f"class Mine(Hollow):\n    capabilities = frozenset({{{text}}})\n"


@pytest.mark.parametrize(
    ("version", "remedy"),
    [(SPI_VERSION + 1, "pip install --upgrade perdure$"), (0, "pip install --upgrade acme$")],
)
def test_a_backend_for_another_version_of_the_spi_is_refused(
    install: Installer, version: int, remedy: str
) -> None:
    message = f"acme was written for version {version} .* has version {SPI_VERSION}; .*{remedy}"
    with pytest.raises(PluginError, match=message):
        made_by(install, f"class Mine(Hollow):\n    spi_version = {version}\n")


def test_the_version_is_checked_before_any_hook_for_a_backend_runs(install: Installer) -> None:
    version = f"{HOOK}def perdure_spi_version(): return 99\n"
    install("acme", f"{version}{HOOK}def perdure_backends(): 1 / 0\n", points={"hollow": "{m}"})

    with pytest.raises(PluginError, match="was written for version 99"):
        load_backend("hollow", setting="PERDURE_BACKEND")


def test_a_version_that_is_no_number_is_refused(install: Installer) -> None:
    with pytest.raises(PluginError, match=r"gives '1.0' as its SPI version; write a plain number"):
        made_by(install, "class Mine(Hollow):\n    spi_version = '1.0'\n")


def test_what_is_no_backend_is_refused(install: Installer) -> None:
    with pytest.raises(PluginError, match=r"acme made 3, which is no perdure\.spi\.Backend"):
        made_by(install, "def Mine(url, *, clock=None): return 3\n")


def test_a_backend_that_lacks_a_method_is_refused(install: Installer) -> None:
    code = BACKEND.replace("async def purge", "async def purged").replace("get(", "got(")
    install("acme", code, points={"hollow": "{m}:Hollow"})

    with pytest.raises(PluginError, match="Hollow of acme does not implement get, purge; every"):
        load_backend("hollow", setting="PERDURE_BACKEND")


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("Capability.QUERY", "declares the capability 'query' and does not implement Mine.query"),
        ("Capability.SUSPEND", "'suspend' and does not implement Mine.suspend"),
        ("Capability.RERUN", "declares the capability 'rerun' without 'restart'"),
        ("'time_travel'", "declares 'time_travel', which is no capability; known: .*suspend"),
    ],
)
async def test_a_lie_about_a_capability_is_told_at_opening(
    install: Installer, declared: str, message: str
) -> None:
    backend = made_by(install, declaring(declared))

    with pytest.raises(PluginError, match=message):
        await backend.open()
    assert vars(backend)["closed"] == 1


async def test_half_of_suspend_is_a_lie_too(install: Installer) -> None:
    code = declaring("Capability.SUSPEND") + "    async def suspend(self, i, *, reason): ...\n"

    with pytest.raises(PluginError, match=r"does not implement Mine\.resume"):
        await made_by(install, code).open()


async def test_what_is_declared_and_there_is_believed(install: Installer) -> None:
    code = declaring("Capability.QUERY") + "    async def query(self, f, **k): ...\n"

    await made_by(install, code).open()


async def test_an_app_says_it_before_it_runs_anything(install: Installer) -> None:
    install("acme", BACKEND + declaring("Capability.HISTORY"), points={"hollow": "{m}:Mine"})

    with pytest.raises(PluginError, match="acme declares the capability 'history'"):
        async with App("tests", backend="hollow").client():
            pass
