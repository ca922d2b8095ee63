"""What can be chosen of a Dapr stack, and the files that come of it."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest

from perdure.errors import ConfigurationError
from perdure_dapr.stack import DaprStackKind, StackOptions
from perdure_dapr.stack.files import api_token, write_configuration, write_resources

if TYPE_CHECKING:
    from pathlib import Path


def test_the_declared_options_are_the_fields_with_their_defaults() -> None:
    declared = {option.name: option.default for option in DaprStackKind().options}
    assert declared == StackOptions().as_given()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"app_id": "a.b"}, "--app-id: must be letters, digits and '-'"),
        ({"app_id": ""}, "--app-id"),
        ({"sidecars": 0}, "--sidecars: must be a number from 1 to 32"),
        ({"sidecars": "2"}, "--sidecars: must be of type int"),
        ({"state": "mongodb"}, "--state: must be one of sqlite, redis, postgresql"),
        ({"state": "sqlite=/tmp/x"}, "--state: must be without '='"),
        ({"state": "postgresql"}, "--state: must be with an address"),
        ({"state": "redis="}, "--state: must be with an address"),
        ({"max_body_size": "0"}, "--max-body-size: must be a size"),
        ({"max_body_size": "64MB"}, "--max-body-size: must be a size"),
        ({"log_level": "loud"}, "--log-level: must be one of debug"),
        ({"api_token": "two words"}, "--api-token: must be printable ASCII"),
        ({"components": "nowhere"}, "--components: must be a folder that exists, not /"),
        ({"colour": "red"}, "--colour: must be one of app_id"),
    ],
)
def test_what_dapr_would_refuse_is_refused_first(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        StackOptions.from_given(given)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(
    ("state", "lines"),
    [
        ("redis", ["type: state.redis", 'value: "127.0.0.1:6379"']),
        ("redis=10.0.0.1:7000", ["type: state.redis", 'value: "10.0.0.1:7000"']),
        (
            'postgresql=host=db password="it\'s"',
            ["type: state.postgresql", "version: v2", 'value: "host=db password=\\"it\'s\\""'],
        ),
    ],
)
def test_the_store_is_the_one_that_was_chosen(tmp_path: Path, state: str, lines: list[str]) -> None:
    folder = write_resources(tmp_path, StackOptions(state=state))
    file = folder / "workflows.yaml"
    text = file.read_text(encoding="utf-8")
    assert [line for line in lines if line not in text] == []
    assert '- name: actorStateStore\n    value: "true"' in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_file_of_sqlite_may_have_any_path(tmp_path: Path) -> None:
    folder = write_resources(tmp_path / "a b?c", StackOptions())
    text = (folder / "workflows.yaml").read_text(encoding="utf-8")
    assert f'value: "file:{tmp_path}/a%20b%3Fc/state/workflows.db"' in text


def test_a_folder_of_components_is_kept_by_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert StackOptions(components="mine").components == str(tmp_path / "mine")


def test_a_folder_that_daprd_would_take_for_two_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a,b").mkdir()
    with pytest.raises(ConfigurationError, match="--components: must be a folder without ','"):
        StackOptions(components=str(tmp_path / "a,b"))


def test_the_anchor_is_there_unless_the_stack_is_bare(tmp_path: Path) -> None:
    path = write_resources(tmp_path, StackOptions()) / "anchor.yaml"
    assert "kind: MCPServer" in path.read_text(encoding="utf-8")
    write_resources(tmp_path, StackOptions(bare=True))
    assert not path.exists()


def test_no_resolver_is_named_that_opens_the_network(tmp_path: Path) -> None:
    text = write_configuration(tmp_path).read_text(encoding="utf-8")
    assert "nameResolution:\n    component: none" in text


def test_a_token_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    options = StackOptions(api_token="generated")
    token = api_token(tmp_path, options)
    assert api_token(tmp_path, options) == token
    assert stat.S_IMODE((tmp_path / "state" / "api-token").stat().st_mode) == 0o600
    assert api_token(tmp_path, StackOptions(api_token="mine")) == "mine"
    assert api_token(tmp_path, StackOptions()) == ""
