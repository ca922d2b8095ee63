"""Waiting for an instance, with a sign of life for people who look on."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from perdure.cli.exit_codes import CommandError
from perdure.cli.text import plain
from perdure.types import Status

if TYPE_CHECKING:
    from perdure.cli.shell import Shell
    from perdure.sync_client import SyncHandle
    from perdure.types import InstanceInfo

_LOOK = timedelta(seconds=2)


def wait_for_end(
    shell: Shell, handle: SyncHandle[Any], *, timeout: timedelta | None
) -> InstanceInfo:
    """Wait until the instance has ended or stalled, and return its state.

    Raises:
        CommandError: It did neither within ``timeout``.
        InstanceNotFoundError: There is no such instance.
        KeyboardInterrupt: The user waits no longer; the instance goes on.
    """
    try:
        if not shell.err.can_move:
            return handle.wait(timeout=timeout)
        return _wait_in_sight(shell, handle, timeout)
    except TimeoutError as error:
        step = f"perdure history {handle.instance_id} --follow"
        raise CommandError(str(error), step=step) from error
    except KeyboardInterrupt:
        shell.note(f"no longer waiting; {handle.instance_id} goes on without us")
        raise


def _wait_in_sight(
    shell: Shell, handle: SyncHandle[Any], timeout: timedelta | None
) -> InstanceInfo:
    end = None if timeout is None else shell.now() + timeout
    with shell.err.console().status("") as sign:
        while True:
            info = handle.info()
            sign.update(plain(_where_it_stands(info)))
            left = _LOOK if end is None else max(end - shell.now(), timedelta())
            if left <= _LOOK and end is not None:
                return handle.wait(timeout=left)
            with contextlib.suppress(TimeoutError):
                return handle.wait(timeout=min(left, _LOOK))


def _where_it_stands(info: InstanceInfo) -> str:
    words = f"{info.name} {info.instance_id} is {info.status}"
    if info.status is Status.PENDING and info.start_at is None:
        words += ": no worker has taken it yet"
    return words
