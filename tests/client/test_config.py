"""Settings: which one wins, and what is said of one that cannot be used."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from perdure.config import Configuration, configure_logging, resolve
from perdure.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROFILES = """
profile = "local"

[profiles.local]
hub = "mine"

[profiles.production]
backend = "azure"
hub = "prod"
payloads = "abfs://container/perdure"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "perdure.toml").write_text(PROFILES)
    return tmp_path


def test_without_any_setting_it_is_the_embedded_engine(tmp_path: Path) -> None:
    found = resolve(environment={}, folder=tmp_path)

    assert found == Configuration(backend="sqlite", backend_setting="default")
    assert found.backend_url == "sqlite"


def test_the_argument_wins_over_the_variable(tmp_path: Path) -> None:
    found = resolve(backend="dapr", environment={"PERDURE_BACKEND": "azure"}, folder=tmp_path)

    assert (found.backend, found.backend_setting) == ("dapr", "backend=")


def test_the_variable_wins_over_the_profile(folder: Path) -> None:
    variables = {"PERDURE_BACKEND": "dapr://localhost:1", "PERDURE_PROFILE": "production"}

    found = resolve(environment=variables, folder=folder)

    assert (found.backend, found.backend_setting) == ("dapr://localhost:1", "PERDURE_BACKEND")
    assert found.backend_name == "dapr"
    assert (found.hub, found.payloads) == ("prod", "abfs://container/perdure")


def test_the_profile_named_by_the_variable_wins_over_the_files_own(folder: Path) -> None:
    found = resolve(environment={"PERDURE_PROFILE": "production"}, folder=folder)

    assert (found.backend, found.profile) == ("azure", "production")


def test_the_file_names_the_profile_that_is_used_otherwise(folder: Path) -> None:
    found = resolve(environment={}, folder=folder)

    assert (found.backend, found.profile, found.hub) == ("sqlite", "local", "mine")


@pytest.mark.parametrize("by_argument", [True, False])
def test_a_backend_may_be_named_by_a_profile(folder: Path, by_argument: bool) -> None:
    found = resolve(
        backend="production" if by_argument else None,
        environment={"PERDURE_BACKEND": "production"},
        folder=folder,
    )

    assert (found.backend, found.profile, found.hub) == ("azure", "production", "prod")


def test_an_empty_variable_counts_as_unset(folder: Path) -> None:
    found = resolve(environment={"PERDURE_BACKEND": "", "PERDURE_HUB": ""}, folder=folder)

    assert (found.backend, found.hub) == ("sqlite", "mine")


def test_variables_win_over_the_profile_one_by_one(folder: Path) -> None:
    variables = {
        "PERDURE_PROFILE": "production",
        "PERDURE_HUB": "other",
        "PERDURE_PAYLOADS": "file:///tmp",
    }

    found = resolve(environment=variables, folder=folder)

    assert (found.hub, found.payloads) == ("other", "file:///tmp")


@pytest.mark.parametrize(
    ("backend", "url"),
    [
        ("sqlite", "sqlite:///.perdure/staging.db"),
        ("sqlite?retention=1d", "sqlite:///.perdure/staging.db?retention=1d"),
        ("sqlite:///here.db", "sqlite:///here.db"),
    ],
)
def test_to_the_embedded_engine_a_hub_is_a_file(tmp_path: Path, backend: str, url: str) -> None:
    found = resolve(backend=backend, environment={"PERDURE_HUB": "staging"}, folder=tmp_path)

    assert found.backend_url == url
    assert found.backend_name == "sqlite"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"PERDURE_PROFILE": "prod"}, "PROFILE: no profile 'prod' .* it has: local, production"),
        ({"PERDURE_BACKEND": "data/my.db"}, "BACKEND: .* looks like a file; write sqlite:///data"),
        ({"PERDURE_HUB": "../up"}, "HUB: '../up' cannot name a hub"),
    ],
)
def test_a_value_that_cannot_be_used_says_what_to_type(
    folder: Path, variables: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        resolve(environment=variables, folder=folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[profiles", "cannot be read"),
        ("[profile.local]\nbackend = 'sqlite'", "profile is a name, and profiles are tables"),
        ("[profiles]\nlocal = 'sqlite'", r"\[profiles.local\] .* not a table"),
        ("[profiles.a]\nbackends = 'sqlite'", "unknown key 'backends' .*; known: backend, hub"),
        ("[profiles.a]\nbackend = 3", "backend must be text, got 3"),
        ("[backend]\nname = 'sqlite'", "unknown key 'backend'; known: profile, profiles"),
    ],
)
def test_a_broken_file_says_what_is_wrong(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "perdure.toml").write_text(content)

    with pytest.raises(ConfigurationError, match=message):
        resolve(environment={}, folder=tmp_path)


@pytest.fixture
def perdure_logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("perdure")
    before = logger.handlers[:], logger.level, logger.propagate
    yield logger
    logger.handlers[:], logger.level, logger.propagate = before


def test_the_log_is_shown_from_the_level_of_the_variable(
    perdure_logger: logging.Logger,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PERDURE_LOG", "Info")

    configure_logging()
    configure_logging()
    logging.getLogger("perdure.worker").info("ready")
    logging.getLogger("perdure.worker").debug("not shown")

    shown = capsys.readouterr().err
    assert shown.endswith("INFO    perdure.worker: ready\n")
    assert shown.count("\n") == 1


def test_the_log_is_left_to_the_program_otherwise(
    perdure_logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PERDURE_LOG", raising=False)
    configure_logging()
    assert perdure_logger.handlers == []

    own = logging.NullHandler()
    perdure_logger.addHandler(own)
    configure_logging("info")
    assert perdure_logger.handlers == [own]


def test_a_level_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_LOG", "loud")

    with pytest.raises(ConfigurationError, match="PERDURE_LOG: no level 'loud'; use one of debug"):
        configure_logging()
