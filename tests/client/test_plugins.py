"""Backends by name: found by entry point, and only the one that is asked for."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from perdure import plugins
from perdure.app import App
from perdure.embedded import create_backend
from perdure.errors import ConfigurationError, PluginError
from perdure.plugins import installed_backends, load_backend

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = """
from perdure.embedded import create_backend as make_embedded

def create_backend(url, *, clock=None):
    assert url.startswith("sample")
    return make_embedded(f"sqlite:///{url.partition('://')[2]}", clock=clock)

not_callable = "a string"
"""


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed plugins: a good one, broken ones, and two of one name."""
    (tmp_path / "sample_backend.py").write_text(SAMPLE)
    install(tmp_path, "sample-backend", {"sample": "sample_backend:create_backend"})
    install(
        tmp_path,
        "broken",
        {"broken": "sample_backend:missing", "odd": "sample_backend:not_callable"},
    )
    install(tmp_path, "one", {"twin": "sample_backend:create_backend"})
    install(tmp_path, "other", {"twin": "sample_backend:not_callable"})
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def install(folder: Path, name: str, points: dict[str, str]) -> None:
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{key} = {value}" for key, value in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[perdure.backends]", *lines, ""]))


def test_the_embedded_engine_is_always_there() -> None:
    assert load_backend("sqlite", setting="default") is create_backend
    assert "sqlite" in installed_backends()


def test_the_embedded_engine_is_found_without_a_scan() -> None:
    code = (
        "import sys; from perdure.plugins import load_backend; load_backend('sqlite', setting='');"
        "print([name for name in sys.modules if name.startswith('importlib.metadata')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_plugin_is_loaded_by_its_name_alone(samples: Path) -> None:
    assert load_backend("sample", setting="backend=").__module__ == "sample_backend"
    assert {"broken", "sample", "twin"} < set(installed_backends())


async def test_an_app_runs_on_a_plugin(samples: Path) -> None:
    app = App("plugin-tests", backend=f"sample://{samples}/sample.db")

    @app.workflow
    async def five() -> int:
        return 5

    async with app.run() as client:
        assert await (await client.start(five)).result() == 5
    assert (samples / "sample.db").exists()


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> str:
    """A backend that perdure knows of, and that is not installed here as its own are."""
    monkeypatch.setitem(plugins._KNOWN, "far", "perdure-far")
    return "far"


def test_a_known_backend_that_is_missing_gives_the_install_line(missing: str) -> None:
    with pytest.raises(PluginError, match="'far': not installed; type: pip install perdure-far"):
        load_backend(missing, setting="PERDURE_BACKEND")


def test_an_unknown_backend_lists_what_there_is(samples: Path, missing: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_backend("sqlit", setting="PERDURE_BACKEND", profiles=["production"])

    known = installed_backends()
    assert {"broken", "odd", "sample", "sqlite", "twin"} <= set(known)
    assert str(caught.value) == (
        "PERDURE_BACKEND: no backend 'sqlit' (did you mean 'sqlite'?); "
        f"installed: {', '.join(known)}; profiles: production; not installed: "
        f"{missing} (pip install perdure-far)"
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", r"broken cannot be loaded \(sample_backend:missing\): AttributeError"),
        ("odd", "broken offers sample_backend:not_callable, which is not a function or a class"),
        ("twin", "several packages offer it: one, other; keep one"),
    ],
)
def test_a_broken_plugin_says_whose_it_is(samples: Path, name: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        load_backend(name, setting="backend=")


def test_an_app_says_at_its_opening_that_its_backend_is_unknown() -> None:
    app = App("plugin-tests", backend="dps")

    with pytest.raises(ConfigurationError, match="backend=: no backend 'dps'"), app.client():
        pass
