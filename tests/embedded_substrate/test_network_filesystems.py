"""Which mounts count as network file systems."""

from __future__ import annotations

from pathlib import Path

import pytest

from perdure._filesystem import network_filesystem

MOUNTINFO = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:40 / /srv rw - nfs4 server:/srv rw,vers=4.2
24 23 0:41 / /srv/fast rw,noatime shared:7 master:2 - xfs /dev/nvme0n1 rw
25 22 0:42 / /mnt/my\\040share rw - cifs //server/share rw
26 22 0:43 / /home/ada/remote rw - fuse.sshfs ada@host:/ rw
27 22 0:44 / /home/ada/usb rw - fuseblk /dev/sdb1 rw
28 22 0:45 / /over rw - nfs server:/over rw
29 22 0:46 / /over rw - tmpfs tmpfs rw
30 22 0:47 / /mnt/c rw - 9p C:\\134 rw
a line that makes no sense
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/hub.db", None),
        ("/srv/hub.db", "nfs4"),
        ("/srv/fast/hub.db", None),
        ("/srv/faster/hub.db", "nfs4"),
        ("/srv2/hub.db", None),
        ("/mnt/my share/hub.db", "cifs"),
        ("/home/ada/remote/hub.db", "fuse.sshfs"),
        ("/home/ada/usb/hub.db", None),
        ("/over/hub.db", None),
        ("/mnt/c/hub.db", "9p"),
    ],
)
def test_the_mount_that_a_path_lies_on_decides(path: str, expected: str | None) -> None:
    assert network_filesystem(Path(path), mountinfo=MOUNTINFO) == expected


def test_symbolic_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far")
    mountinfo = f"1 0 0:1 / {tmp_path.resolve()}/far rw - nfs server:/ rw"
    assert network_filesystem(tmp_path / "near" / "hub.db", mountinfo=mountinfo) == "nfs"


def test_the_disk_of_the_tests_is_no_network(tmp_path: Path) -> None:
    assert network_filesystem(tmp_path) is None
