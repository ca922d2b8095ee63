"""Which stream hub is meant by a setting."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from perdure.errors import ConfigurationError
from perdure.state_folder import state_folder
from perdure.streams.files import FileStreamHub
from perdure.streams.memory import MemoryStreamHub

if TYPE_CHECKING:
    from perdure.streams.hub import StreamHub


@functools.cache
def hub_named(setting: str, *, variable: str, folder: str) -> StreamHub:
    """Return the hub that ``setting`` says, the same one for the same setting in a process.

    Args:
        setting: ``memory`` (or nothing): workers and subscribers share a process. ``file``: they
            share a host; pieces lie in plain text in files that only this user may read.
            ``file:///folder``: those files are there.
        variable: The environment variable that it comes from, for the message.
        folder: What the folder of ``file`` is called, within perdure's state folder.

    Raises:
        ConfigurationError: The setting is not understood.
    """
    if setting in ("", "memory"):
        return MemoryStreamHub()
    if setting == "file":
        return FileStreamHub(state_folder() / folder)
    parts = urlsplit(setting)
    if parts.scheme == "file" and not parts.netloc and parts.path.strip("/"):
        return FileStreamHub(unquote(parts.path))
    problem = f"got {setting!r}; say memory, file, or file:///folder"
    raise ConfigurationError(setting=variable, problem=problem)
