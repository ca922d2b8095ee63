"""Finding Dapr's programs: where they are looked for, and what is no use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perdure.stack import StackError
from perdure_dapr.stack.programs import find_installed, needed, version_of, versions_in_logs

if TYPE_CHECKING:
    from pathlib import Path

NAMES = needed(has_mtls=False)


def install(folder: Path, *, version: str, but: str = "") -> Path:
    """Put programs into ``folder`` that say their version."""
    folder.mkdir(parents=True)
    for name in NAMES:
        if name != but:
            program = folder / name
            program.write_text(f"#!/bin/sh\necho {version}\n")
            program.chmod(0o755)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A machine without Dapr."""
    return {"PATH": str(tmp_path / "empty"), "HOME": str(tmp_path / "home")}


@pytest.fixture
def said() -> list[str]:
    return []


def test_nothing_is_found_where_there_is_nothing(
    environment: dict[str, str], said: list[str]
) -> None:
    assert find_installed(NAMES, environment=environment, tell=said.append) is None
    assert said == []


def test_the_named_folder_comes_first(
    tmp_path: Path, environment: dict[str, str], said: list[str]
) -> None:
    environment["PATH"] = str(install(tmp_path / "path", version="1.18.0"))
    named = install(tmp_path / "named", version="1.18.1")
    found = find_installed(
        NAMES, environment={**environment, "PERDURE_DAPR_BIN": str(named)}, tell=said.append
    )
    assert found is not None
    assert (found.folder, found.version, found.origin) == (named, "1.18.1", "PERDURE_DAPR_BIN")


def test_the_path_comes_before_the_folder_of_the_cli(
    tmp_path: Path, environment: dict[str, str], said: list[str]
) -> None:
    cli = install(tmp_path / "home" / ".dapr" / "bin", version="1.17.0")
    found = find_installed(NAMES, environment=environment, tell=said.append)
    assert found is not None
    assert (found.folder, found.origin) == (cli, "the Dapr CLI's folder")

    on_path = install(tmp_path / "path", version="1.18.0")
    environment["PATH"] = str(on_path)
    found = find_installed(NAMES, environment=environment, tell=said.append)
    assert found is not None
    assert (found.folder, found.origin) == (on_path, "PATH")


def test_a_folder_with_only_some_is_passed_over_and_told(
    tmp_path: Path, environment: dict[str, str], said: list[str]
) -> None:
    environment["PATH"] = str(install(tmp_path / "path", version="1.18.0", but="scheduler"))
    assert find_installed(NAMES, environment=environment, tell=said.append) is None
    (words,) = said
    assert words == (
        f"not using Dapr in {tmp_path / 'path'} (PATH): scheduler not there; "
        "`dapr init --slim` installs all but sentry"
    )


def test_a_version_that_is_too_old_is_passed_over_and_told(
    tmp_path: Path, environment: dict[str, str], said: list[str]
) -> None:
    environment["PATH"] = str(install(tmp_path / "path", version="1.16.9"))
    assert find_installed(NAMES, environment=environment, tell=said.append) is None
    (words,) = said
    assert "Dapr 1.16.9 is too old; at least 1.17 is needed: `dapr upgrade`" in words


@pytest.mark.parametrize(
    ("version", "but", "problem"),
    [
        ("1.9.0", "", "Dapr 1.9.0 is too old"),
        ("1.18.1", "placement", "placement not there"),
        ("1.18.1", "daprd", "daprd not there"),
    ],
)
def test_a_named_folder_that_is_no_use_is_an_error(
    tmp_path: Path, environment: dict[str, str], version: str, but: str, problem: str
) -> None:
    environment["PERDURE_DAPR_BIN"] = str(install(tmp_path / "named", version=version, but=but))
    with pytest.raises(StackError, match=f"PERDURE_DAPR_BIN=.*named: {problem}"):
        find_installed(NAMES, environment=environment, tell=print)


def test_mutual_tls_needs_sentry_too(tmp_path: Path, environment: dict[str, str]) -> None:
    environment["PERDURE_DAPR_BIN"] = str(install(tmp_path / "named", version="1.18.1"))
    with pytest.raises(StackError, match="sentry not there"):
        find_installed(needed(has_mtls=True), environment=environment, tell=print)


def test_a_sidecar_that_cannot_be_run_is_an_error(tmp_path: Path) -> None:
    folder = install(tmp_path / "broken", version="1.18.1")
    (folder / "daprd").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(StackError, match=r"daprd --version does not work .* install Dapr again"):
        version_of(folder)


def started(version: str) -> str:
    return f'level=info msg="Starting Dapr Runtime -- version {version} -- commit abc" ver=x\n'


def test_a_mixture_is_told_by_what_each_says_when_it_starts() -> None:
    logs = {"placement": started("1.18.1"), "daprd": started("1.17.3")}
    with pytest.raises(StackError, match=r"different versions: placement 1\.18\.1, daprd 1\.17\.3"):
        versions_in_logs(logs)


def test_the_last_start_counts_and_unreleased_code_fits_all() -> None:
    logs = {
        "placement": started("1.17.0") + started("v1.18.1"),
        "scheduler": started("edge"),
        "daprd": started("1.18.1"),
        "sentry": "",
    }
    assert versions_in_logs(logs) == {
        "placement": "1.18.1",
        "scheduler": "edge",
        "daprd": "1.18.1",
    }
