"""Where perdure keeps what belongs to this user on this host, whatever the working directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from perdure.errors import ConfigurationError

VARIABLE: Final = "XDG_STATE_HOME"


def state_folder() -> Path:
    """Return the folder, ``$XDG_STATE_HOME/perdure`` or ``~/.local/state/perdure``.

    It need not be there yet.

    Raises:
        ConfigurationError: The variable is not set, and this user has no home.
    """
    given = os.environ.get(VARIABLE, "")
    # A relative path would depend on the working directory; the standard says to pass it over.
    if os.path.isabs(given):
        return Path(given) / "perdure"
    home = os.path.expanduser("~")
    if not os.path.isabs(home):
        problem = "this user has no home folder; set it to a folder on a local disk"
        raise ConfigurationError(setting=VARIABLE, problem=problem)
    return Path(home) / ".local" / "state" / "perdure"


def make_private_folder(folder: Path) -> None:
    """Make ``folder`` and whatever is missing above it, durably, for this user alone.

    What is there already stays as it is.

    Raises:
        OSError: It cannot be made.
    """
    if folder.is_dir():
        return
    make_private_folder(folder.parent)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Return once it is durable which files there are in ``folder``.

    Raises:
        OSError: It cannot be read.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
