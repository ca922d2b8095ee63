"""Which stream hub is used: by a variable, or as the runner is told."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING

from perdure.streams import hub_named

if TYPE_CHECKING:
    from perdure.streams import StreamHub
    from perdure_agent_framework.catalogue import Catalogue

VARIABLE = "PERDURE_AGENT_STREAMS"
"""``memory`` (the default): workers and subscribers share a process. ``file``: they share a host;
pieces lie in plain text in files that only this user may read. ``file:///folder``: those files are
there."""

_hubs: weakref.WeakKeyDictionary[Catalogue, StreamHub] = weakref.WeakKeyDictionary()


def set_hub(catalogue: Catalogue, hub: StreamHub) -> None:
    """Let the models of ``catalogue`` publish to ``hub``."""
    _hubs[catalogue] = hub


def hub_of(catalogue: Catalogue) -> StreamHub:
    """Return the hub that was set, else the one of the variable, which the process shares.

    Raises:
        ConfigurationError: The variable says something that is not understood.
    """
    known = _hubs.get(catalogue)
    setting = os.environ.get(VARIABLE, "")
    return known or hub_named(setting, variable=VARIABLE, folder="agent-streams")
