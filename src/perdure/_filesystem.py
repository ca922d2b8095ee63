"""Network file systems: SQLite's locks and shared memory do not work across the hosts of one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

MOUNTINFO: Final = Path("/proc/self/mountinfo")

_NETWORK_TYPES: Final = frozenset(
    {
        "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "gfs", "gfs2", "glusterfs",
        "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "prl_fs",
        "pvfs2", "smb2", "smb3", "smbfs", "vboxsf", "vmhgfs", "wekafs",
    }
)  # fmt: skip
_NETWORK_FUSE_SUBTYPES: Final = frozenset(
    {
        "afpfs", "beegfs", "blobfuse", "blobfuse2", "ceph", "cephfs", "curlftpfs", "davfs",
        "davfs2", "gcsfuse", "glusterfs", "goofys", "juicefs", "mfs", "moosefs", "mount-s3",
        "mountpoint-s3", "nfs", "rclone", "s3fs", "seaweedfs", "smbnetfs", "sshfs",
        "vmhgfs-fuse",
    }
)  # fmt: skip
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


def network_filesystem(path: Path, *, mountinfo: str | None = None) -> str | None:
    """Return the type of the network file system that ``path`` lies on, or ``None``.

    Knows only Linux's list of mounts (``mountinfo`` in tests); elsewhere nothing is refused.
    """
    if mountinfo is None:
        try:
            mountinfo = MOUNTINFO.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return None
    kind = _type_of_mount(path.resolve(), mountinfo)
    return kind if _is_network(kind) else None


def _is_network(kind: str) -> bool:
    main, _, subtype = kind.partition(".")
    return main in _NETWORK_TYPES or (main == "fuse" and subtype in _NETWORK_FUSE_SUBTYPES)


def _type_of_mount(path: Path, mountinfo: str) -> str:
    depth, kind = -1, ""
    for line in mountinfo.splitlines():
        # "36 35 98:0 /root /mount/point options … - type source options"; the middle varies in
        # length.
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if not separator or len(fields) < 5:
            continue
        mount = Path(_unescape(fields[4]))
        # Of two mounts on the same point the later one hides the earlier.
        if len(mount.parts) >= depth and path.is_relative_to(mount):
            depth, kind = len(mount.parts), after.split(" ")[0]
    return kind


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)
