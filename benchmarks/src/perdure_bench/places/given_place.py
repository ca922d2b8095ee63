"""A backend of the user's own: a scheduler of Azure, or a Dapr sidecar, by its address."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from perdure_bench.cells import FASTEST, NATIVE, PERDURE
from perdure_bench.places.addresses import read_address, versions
from perdure_bench.places.place import UNRECORDED, PlaceError, Spent, Way

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SIDE = "perdure_bench.sides.perdure_side"
_CLEARING = "perdure_bench.places.clearing"
_CLEARING_SECONDS = 300.0


class GivenPlace:
    """A backend that was there before, and stays.

    Nothing on it is touched but instances of this run, which are terminated and purged. No worker
    but those that are measured may work on its hub meanwhile.

    Args:
        name: ``dapr`` or ``azure``.
        address: A URL for ``PERDURE_BACKEND``, or a connection string of Azure.
        folder: For what perdure keeps on this host.
        id_prefix: What the ids of this run's instances begin with.

    Raises:
        PlaceError: The address cannot be used.
    """

    def __init__(self, name: str, address: str, folder: Path, *, id_prefix: str) -> None:
        self.name = name
        self._where = read_address(name, address)
        backend = self._where.perdure["PERDURE_BACKEND"]
        faster = f"{backend}{'&' if '?' in backend else '?'}record=off"
        self.ways: Mapping[str, Way] = {
            PERDURE: Way(module=_SIDE, environment={}),
            FASTEST: Way(module=_SIDE, environment={"PERDURE_BACKEND": faster}, about=UNRECORDED),
            NATIVE: Way(module=f"perdure_bench.sides.{name}_side", environment={}),
        }
        self._folder = folder
        self._id_prefix = id_prefix
        self._is_used = False

    def fresh(self) -> None:
        """Remove what this run left; also shows that it can be reached.

        Raises:
            PlaceError: It cannot be reached, or something stays.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._is_used = True
        self._clear()

    @property
    def url(self) -> str:
        """Where it is."""
        return self.environment["PERDURE_BACKEND"]

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program needs; the vendors' own SDKs read the others."""
        return {
            **self._where.perdure,
            **self._where.native,
            "XDG_STATE_HOME": str(self._folder / "home"),
        }

    def conditions(self) -> dict[str, str]:
        """Say whose it is; nothing of its address but the host and the hub."""
        return {
            "servers": f"the user's own: {self._where.shown}",
            "durability": "as its owner has set it up",
            **({"is_stand_in": self._where.is_stand_in} if self._where.is_stand_in else {}),
            "SDK": self._where.sdk,
            "plugin": versions(f"perdure-{self.name}"),
        }

    def spent(self) -> dict[str, Spent]:
        """Return nothing: its servers cannot be seen."""
        return {}

    def close(self) -> None:
        """Remove what this run left.

        Raises:
            PlaceError: Something stays.
        """
        if self._is_used:
            self._clear()

    def _clear(self) -> None:
        command = [sys.executable, "-m", _CLEARING, self._id_prefix]
        environment = {**os.environ, **self.environment}
        try:
            done = subprocess.run(
                command, env=environment, timeout=_CLEARING_SECONDS, capture_output=True, text=True
            )
        except subprocess.TimeoutExpired:
            problem = f"did not remove {self._id_prefix}… within {_CLEARING_SECONDS:g} s"
            raise PlaceError(f"{self._where.shown} {problem}") from None
        if done.returncode != 0:
            last = done.stderr.strip().splitlines()[-1:] or ["no words"]
            raise PlaceError(f"{self._where.shown} cannot be used: {last[0]}")
