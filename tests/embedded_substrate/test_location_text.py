"""What ``PERDURE_BACKEND=sqlite:…`` says."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from perdure.embedded.location import Location, make_folder, parse_location
from perdure.errors import ConfigurationError, StorageError


@pytest.mark.parametrize("text", ["sqlite", "sqlite:", "sqlite://", "sqlite:///"])
def test_default_path(text: str) -> None:
    assert parse_location(text) == Location(path=Path.cwd().resolve() / ".perdure" / "perdure.db")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sqlite:///hub.db", "hub.db"),
        ("sqlite:///data/hub.db", "data/hub.db"),
        ("sqlite:////var/lib/hub.db", "/var/lib/hub.db"),
        ("sqlite:///a%20b%3Fc.db", "a b?c.db"),
        ("sqlite:///hub.db#1", "hub.db#1"),
        ("sqlite:///~/hub.db", "~/hub.db"),
    ],
)
def test_paths(text: str, expected: str) -> None:
    assert parse_location(text).path == Path(expected).expanduser().resolve()


def test_path_follows_symbolic_links_so_that_all_mean_the_same_locks(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    location = parse_location(f"sqlite:///{tmp_path}/link/hub.db")
    assert location.path == tmp_path.resolve() / "real" / "hub.db"
    assert location.locks_folder == tmp_path.resolve() / "real" / "hub.db.locks"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("30d", timedelta(days=30)),
        ("1.5h", timedelta(minutes=90)),
        ("2w", timedelta(weeks=2)),
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
    ],
)
def test_retention(value: str, expected: timedelta) -> None:
    assert parse_location(f"sqlite:///hub.db?retention={value}").retention == expected


def test_options_of_the_default_path() -> None:
    location = parse_location("sqlite?max_cached=7&retention=1d")
    assert (location.max_cached, location.retention) == (7, timedelta(days=1))


def test_commits_are_synced_unless_asked_otherwise() -> None:
    assert parse_location("sqlite").synchronous == "full"
    assert parse_location("sqlite:///hub.db?synchronous=full").synchronous == "full"
    assert parse_location("sqlite:///hub.db?synchronous=normal").synchronous == "normal"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("postgres:///hub.db", "does not begin with 'sqlite'"),
        ("sqlite:hub.db", "three slashes"),
        ("sqlite://host/hub.db", "three slashes"),
        ("sqlite:///:memory:", "nothing in memory is durable"),
        (
            "sqlite:///hub.db?speed=11",
            r"unknown option 'speed'.*known: max_cached, retention, sync",
        ),
        ("sqlite:///hub.db?retention=30", "a number and a unit"),
        ("sqlite:///hub.db?retention=0d", "a number and a unit"),
        ("sqlite:///hub.db?retention=99999999999w", "a number and a unit"),
        ("sqlite:///hub.db?retention=", "a number and a unit"),
        ("sqlite:///hub.db?max_cached=0", "a whole number from 1"),
        ("sqlite:///hub.db?max_cached=-3", "a whole number from 1"),
        ("sqlite:///hub.db?max_cached=1&max_cached=2", "given twice"),
        ("sqlite:///hub.db?synchronous=off", "say full or normal"),
        ("sqlite:///hub.db?synchronous=", "say full or normal"),
        ("sqlite:///hub%00.db", "no usable path"),
        ("sqlite:////tmp", "names a folder"),
        ("sqlite:///data/", "names a folder"),
    ],
)
def test_what_cannot_be_used_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        parse_location(text)


def test_default_folder_is_kept_out_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    location = parse_location("sqlite")
    make_folder(location)
    assert (tmp_path / ".perdure" / ".gitignore").read_text() == "*\n"
    (tmp_path / ".perdure" / ".gitignore").write_text("mine\n")
    make_folder(location)
    assert (tmp_path / ".perdure" / ".gitignore").read_text() == "mine\n"


def test_other_folders_are_made_and_left_alone(tmp_path: Path) -> None:
    make_folder(Location(path=tmp_path / "a" / "b" / "hub.db"))
    assert os.listdir(tmp_path / "a" / "b") == []


def test_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"file/hub\.db"):
        make_folder(Location(path=tmp_path / "file" / "hub.db"))
