"""Where each setting comes from, and what is said of a broken file: the line and the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perdure.config import Setting, explain, resolve
from perdure.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

PROFILES = """\
profile = "local"

[profiles.local]
hub = "mine"

[profiles.production]
backend = "azure"
payloads = "abfs://user:pass@container/perdure?account_key=abc&codecs=gzip"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "perdure.toml").write_text(PROFILES)
    return tmp_path


def sources(settings: list[Setting]) -> dict[str, tuple[str | None, str]]:
    return {setting.name: (setting.value, setting.source) for setting in settings}


def test_without_anything_all_is_default(tmp_path: Path) -> None:
    assert sources(explain(environment={}, folder=tmp_path)) == {
        "profile": (None, "default"),
        "backend": ("sqlite", "default"),
        "hub": (None, "default"),
        "payloads": (None, "default"),
        "log": (None, "default"),
    }


def test_a_profile_is_named_with_its_line(folder: Path) -> None:
    found = sources(explain(environment={}, folder=folder))

    assert found["profile"] == ("local", "profile in perdure.toml line 1")
    assert found["hub"] == ("mine", "hub of [profiles.local] in perdure.toml line 4")
    assert found["backend"] == ("sqlite", "default")


def test_a_variable_wins_over_the_profile_and_a_flag_over_the_variable(folder: Path) -> None:
    variables = {"PERDURE_HUB": "theirs", "PERDURE_BACKEND": "dapr", "PERDURE_LOG": "info"}

    by_variable = sources(explain(environment=variables, folder=folder))
    by_flag = sources(explain(backend="toy", hub="h", environment=variables, folder=folder))

    assert by_variable["hub"] == ("theirs", "PERDURE_HUB")
    assert by_variable["backend"] == ("dapr", "PERDURE_BACKEND")
    assert by_variable["log"] == ("info", "PERDURE_LOG")
    assert by_flag["backend"] == ("toy", "--backend")
    assert by_flag["hub"] == ("h", "--hub")


def test_a_backend_that_is_a_profile_says_both(folder: Path) -> None:
    found = sources(explain(environment={"PERDURE_BACKEND": "production"}, folder=folder))

    assert found["profile"] == ("production", "PERDURE_BACKEND")
    assert found["backend"] == ("azure", "backend of [profiles.production] in perdure.toml line 7")


def test_secrets_are_not_shown(folder: Path) -> None:
    found = sources(explain(profile="production", environment={}, folder=folder))

    shown = "abfs://user:***@container/perdure?account_key=***&codecs=gzip"
    assert found["payloads"][0] == shown
    assert resolve(profile="production", environment={}, folder=folder).payloads == (
        "abfs://user:pass@container/perdure?account_key=abc&codecs=gzip"
    )


@pytest.mark.parametrize(
    ("backend", "url"),
    [
        ("toy", "toy?hub=h"),
        ("toy://x", "toy://x?hub=h"),
        ("toy://x?a=1", "toy://x?a=1&hub=h"),
        ("toy?hub=own", "toy?hub=own"),
        ("sqlite", "sqlite:///.perdure/h.db"),
        ("sqlite:///own.db", "sqlite:///own.db"),
    ],
)
def test_every_backend_is_told_the_hub(tmp_path: Path, backend: str, url: str) -> None:
    assert resolve(backend=backend, hub="h", environment={}, folder=tmp_path).backend_url == url


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('a = 1\nb = "open', "line 2, key b: cannot be read: .*: b = "),
        ("\n[profiles.a", r"line 2: cannot be read: .*: \[profiles\.a"),
        (
            "[profiles.a]\nbackend = sqlite",
            "perdure.toml, line 2, key backend: cannot be read: .*: backend = sqlite",
        ),
        ("# x\nprofiles.a.hub = 1", r"line 2, key profiles\.a\.hub: hub must be text, got 1"),
        ("[profiles]\na = {hub = 1}", r"line 2, key profiles\.a.*: hub must be text"),
        (
            '[profiles.a]\nhub = "x"\n\n[ profiles."b" ]  # more\npayload = "x"',
            r"line 5, key profiles\.b\.payload: unknown key 'payload' \(did you mean 'payloads'",
        ),
        ('profile = "a"\nbackend = "x"', "line 2, key backend: unknown key 'backend'"),
        ('[profiles.a]\nhub = ""', r"line 2, key profiles\.a\.hub: hub is empty; drop the line"),
        ("profile = 3", "line 1, key profile: profile is a name"),
        ("profiles = 3", "line 1, key profiles: profile is a name, and profiles are tables"),
    ],
)
def test_a_broken_file_names_the_line_and_the_key(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "perdure.toml").write_text(content)

    with pytest.raises(ConfigurationError, match=message):
        explain(environment={}, folder=tmp_path)


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "perdure.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError, match=r"perdure\.toml: cannot be read"):
        resolve(environment={}, folder=tmp_path)
