"""Where a record of results lies, whom it belongs to, and what tells live attempts from dead."""

from __future__ import annotations

import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from perdure import _filesystem, state_folder
from perdure.errors import ConfigurationError
from perdure.spi.bridge import ResultRecord, result_file
from perdure.spi.bridge.result_claims import ResultClaims
from tests.bridge.deliveries import BACKEND, HUB

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.deliveries import OpenRecord

MOUNTS = "22 1 254:0 / / rw - ext4 /dev/vda rw\n23 22 0:40 / {} rw - nfs4 server:/home rw\n"


def test_an_unusable_record_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(ConfigurationError) as caught:
        ResultRecord.open(BACKEND, HUB, folder=blocked)
    assert caught.value.setting == "folder"
    assert "what is in its way is not a folder" in str(caught.value)
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    with pytest.raises(ConfigurationError) as caught:
        ResultRecord.open(BACKEND, HUB)
    assert caught.value.setting == "XDG_STATE_HOME"


def test_a_record_that_cannot_be_written_is_refused(
    open_record: OpenRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_record().close()
    settings = (*result_file._SETTINGS, "PRAGMA query_only = ON")
    monkeypatch.setattr(result_file, "_SETTINGS", settings)
    with pytest.raises(ConfigurationError, match="give this user write permission"):
        open_record()


def test_a_network_file_system_is_refused(
    open_record: OpenRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(tmp_path))
    monkeypatch.setattr(_filesystem, "MOUNTINFO", mounts)
    with pytest.raises(ConfigurationError, match=r"network file system \(nfs4\)"):
        open_record()


def test_each_hub_has_a_file_of_its_own(tmp_path: Path) -> None:
    hubs = ["a/b", "a-b", "A-b", "../..", "", "ü", "x" * 500]
    records = [ResultRecord.open("dapr", hub, folder=tmp_path) for hub in hubs]
    paths = {record.path for record in records}
    for record in records:
        record.close()
    assert len({str(path).casefold() for path in paths}) == len(hubs)
    assert all(path.is_relative_to(tmp_path) and path.exists() for path in paths)


def test_the_state_folder_is_the_users_own_wherever_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ["", "relative"]:
        monkeypatch.setenv("XDG_STATE_HOME", variable)
        assert state_folder.state_folder() == tmp_path / ".local" / "state" / "perdure"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    record = ResultRecord.open(BACKEND, HUB)
    record.close()
    assert record.path.is_relative_to(tmp_path / "state" / "perdure" / "results")
    made = [path for path in record.path.parents if path.is_relative_to(tmp_path / "state")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o700}
    monkeypatch.setenv("XDG_STATE_HOME", "")
    monkeypatch.setenv("HOME", "nowhere")
    with pytest.raises(ConfigurationError, match="no home folder"):
        ResultRecord.open(BACKEND, HUB)


def test_claims_are_kept_apart_from_those_of_another_user_of_the_file(tmp_path: Path) -> None:
    one, two = ResultClaims(tmp_path / "claims"), ResultClaims(tmp_path / "claims")
    assert one.try_claim(b"key-1234")
    assert not two.try_claim(b"key-1234")
    one.close()
    assert two.is_claimed(b"key-1234"), "until it is released"
    one.release(b"key-1234")
    assert not two.is_claimed(b"key-1234")
    with pytest.raises(RuntimeError, match="is closed"):
        one.try_claim(b"key-1234")
    two.close()


FORKER = """
import os, sys
from pathlib import Path
from perdure.spi.bridge.result_claims import ResultClaims
path, key = Path(sys.argv[1]), b"key-1234"
claims = ResultClaims(path)
assert claims.try_claim(key)
released, release = os.pipe()
asked, ask = os.pipe()
child = os.fork()
if child == 0:
    own = ResultClaims(path)
    was_claimed = own.is_claimed(key)
    os.write(ask, b"?")
    os.read(released, 1)
    os._exit(0 if was_claimed and own.try_claim(key) else 1)
os.read(asked, 1)
claims.release(key)
os.write(release, b"!")
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert claims.try_claim(key), "the child's claim has ended with it"
"""


def test_a_forked_child_has_none_of_its_parents_claims(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FORKER, str(tmp_path / "claims")]
    subprocess.run(command, check=True, timeout=20)
