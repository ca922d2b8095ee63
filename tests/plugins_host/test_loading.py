"""Plugins are loaded by name only, through hooks or straight, and one that is broken is named."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from perdure.errors import PluginError
from perdure.plugins import installed_backends, installed_plugins, load_backend
from tests.plugins_host.conftest import BACKEND

if TYPE_CHECKING:
    from tests.plugins_host.conftest import Installer

HOOK = "from perdure.spi.hookspecs import hookimpl\n@hookimpl\n"
OFFER = f"{BACKEND}{HOOK}def perdure_backends(): return {{'hollow': Hollow}}\n"
EXPLODES = "raise RuntimeError('imported, and must not be')"


def test_a_class_is_a_plugin(install: Installer) -> None:
    install("acme", BACKEND, points={"hollow": "{m}:Hollow"})

    made = load_backend("hollow", setting="backend=")("hollow://here")

    assert (type(made).__name__, vars(made)["url"]) == ("Hollow", "hollow://here")


def test_a_module_with_hooks_is_a_plugin(install: Installer) -> None:
    install("acme", OFFER, points={"hollow": "{m}"})

    assert load_backend("hollow", setting="backend=")("hollow").name == "hollow"


def test_only_the_plugin_that_is_asked_for_is_imported(install: Installer) -> None:
    install("acme", BACKEND, points={"hollow": "{m}:Hollow"})
    bomb = install("bomb", EXPLODES, points={"bomb": "{m}"})
    codec = install("bomb-codec", EXPLODES, points={"hollow": "{m}"}, group="perdure.codecs")

    load_backend("hollow", setting="backend=")

    assert {"bomb", "hollow", "sqlite"} <= set(installed_backends())
    assert not {bomb, codec} & set(sys.modules)


def test_what_is_installed_is_told_with_its_package_and_without_a_load(install: Installer) -> None:
    install("acme", EXPLODES, points={"hollow": "{m}"})

    found = {plugin.name: (plugin.package, plugin.version) for plugin in installed_plugins()}

    assert found["hollow"] == ("acme", "1.5")
    assert found["sqlite"][0] == "perdure"


@pytest.mark.parametrize(
    "code",
    [
        "import perdure",
        "import perdure; perdure.App('x'); perdure.Registry(); perdure.errors; perdure.spi",
        "import perdure.plugins; perdure.plugins.installed_backends()",
        "from perdure.config import resolve; resolve()",
    ],
)
def test_importing_perdure_imports_no_backend(code: str) -> None:
    # The embedded engine counts as one; so does the SDK of any other.
    listing = f"{code}; import sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", listing], capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()

    assert [name for name in loaded if name.startswith(("perdure.embedded", "perdure_"))] == []
    sdks = {"sqlite3", "grpc", "dapr", "durabletask", "azure", "google"}
    assert not sdks & {name.partition(".")[0] for name in loaded}


@pytest.mark.parametrize(
    ("code", "value", "message"),
    [
        (EXPLODES, "{m}:Hollow", r"acme cannot be loaded .* RuntimeError\('imported"),
        ("import no_such_sdk", "{m}:make", "no_such_sdk.*type: pip install --force-reinstall acme"),
        (
            "from perdure.spi import Wanted",
            "{m}:make",
            "written for another version of perdure .* pip install --upgrade acme perdure",
        ),
        ("def make(:", "{m}:make", "acme cannot be loaded .* SyntaxError"),
        ("x = 1", "{m}", "is not a function or a class, and has no hooks; mark perdure_backends"),
        (
            f"{HOOK}def perdure_backend(): return {{}}",
            "{m}",
            "perdure_backend.* hooks: perdure_backends, perdure_spi_version",
        ),
        (f"{HOOK}def perdure_backends(manager): return {{}}", "{m}", "does not fit .*manager"),
        (f"{HOOK}def perdure_backends(): return {{'b': print}}", "{m}", "it offers: b$"),
        (f"{HOOK}def perdure_backends(): return ['hollow']", "{m}", "a mapping by name is wanted"),
        (f"{HOOK}def perdure_backends(): return {{'hollow': 3}}", "{m}", "offers 3, which is not"),
        (f"{HOOK}def perdure_backends(): 1 / 0", "{m}", "hook of acme failed: ZeroDivisionError"),
        ("def make(url): ...", "{m}:make", r"cannot be called as \(url, \*, clock=None\): .*clock"),
    ],
)
def test_a_broken_plugin_says_whose_it_is_and_what_to_do(
    install: Installer, code: str, value: str, message: str
) -> None:
    install("acme", code, points={"hollow": value})

    with pytest.raises(PluginError, match=message) as caught:
        load_backend("hollow", setting="PERDURE_BACKEND")
    assert str(caught.value).startswith("plugin 'hollow': ")


def test_two_packages_of_one_name_are_not_chosen_between(install: Installer) -> None:
    install("acme", BACKEND, points={"hollow": "{m}:Hollow"})
    install("bolt", BACKEND, points={"hollow": "{m}:Hollow"})

    with pytest.raises(PluginError, match=r"packages offer it: acme, bolt; .*uninstall bolt"):
        load_backend("hollow", setting="PERDURE_BACKEND")
