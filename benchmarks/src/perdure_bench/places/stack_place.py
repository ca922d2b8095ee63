"""Dapr, or the stand-in for Durable Task Scheduler: the servers of ``perdure stack``."""

from __future__ import annotations

import json
import shutil
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from perdure.stack import Stack
from perdure_bench.cells import FASTEST, NATIVE, PERDURE
from perdure_bench.places.addresses import versions
from perdure_bench.places.place import UNRECORDED, Spent, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from perdure.stack import OptionValue, StackRecord

_SIDE = "perdure_bench.sides.perdure_side"
_TELL_SECONDS = 10


class StackPlace:
    """A stack in a folder; gone with this process, however that ends.

    Args:
        name: Of the stack: ``dapr``, ``azure``.
        folder: An empty one.
        options: How it is brought up.
        tell: Takes words for the user.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        options: Mapping[str, OptionValue],
        tell: Callable[[str], None],
    ) -> None:
        self.name = name
        self.ways: Mapping[str, Way] = {
            PERDURE: Way(module=_SIDE, environment={}),
            FASTEST: Way(
                module=_SIDE,
                environment={"PERDURE_BACKEND": f"{name}?record=off"},
                about=UNRECORDED,
            ),
            NATIVE: Way(module=f"perdure_bench.sides.{name}_side", environment={}),
        }
        self._folder = folder
        self._options = options
        self._stack = Stack(name, folder / "stack", is_tied=True, tell=tell)

    def fresh(self) -> None:
        """Bring it up on nothing."""
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._stack.up(self._options)

    @property
    def url(self) -> str:
        """Where it is."""
        return self._stack.url

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program needs; Microsoft's samples read ``ENDPOINT`` and ``TASKHUB``."""
        # What perdure keeps on this host it keeps beside the servers' own state: one disk for all.
        own = {**self._stack.environment, "XDG_STATE_HOME": str(self._folder / "home")}
        if self.name == "azure":
            address = urlsplit(self.url)
            own |= {"ENDPOINT": f"http://{address.netloc}", "TASKHUB": address.path.strip("/")}
        return own

    def conditions(self) -> dict[str, str]:
        """Say which versions run, and how durable they are."""
        record = self._stack.record()
        servers = ", ".join(sorted(set(record.versions.values())))
        if self.name == "dapr":
            return {
                "servers": f"daprd {servers}, placement, scheduler",
                "durability": f"state store {record.options['state']}, Dapr's defaults",
                "driver": _driver(record),
                "SDK": versions("dapr"),
                "plugin": versions("perdure-dapr"),
            }
        return {
            "servers": f"perdure's stand-in for Durable Task Scheduler ({servers}); it is not DTS",
            "durability": "SQLite of the stand-in; DTS's own is Microsoft's",
            "is_stand_in": "yes",
            "SDK": versions("durabletask.azuremanaged", "durabletask"),
            "plugin": versions("perdure-azure"),
            "throttle": str(record.options["throttle"]),
            "round trip": str(record.options["round_trip"]),
        }

    def told(self, what: str) -> dict[str, Any]:
        """Return what the stand-in tells of its hub on its admin port: ``actions``, ``calls``.

        Raises:
            OSError: It does not answer.
        """
        ports = self._stack.record().ports
        port = next(number for name, number in ports.items() if name.endswith(".admin"))
        url = f"http://127.0.0.1:{port}/{what}?hub={urlsplit(self.url).path.strip('/')}"
        with urllib.request.urlopen(url, timeout=_TELL_SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def spent(self) -> dict[str, Spent]:
        """Return what each server has spent."""
        return {
            name: Spent(cpu_seconds=usage.cpu_seconds, memory_bytes=usage.memory_bytes)
            for name, usage in self._stack.usage().items()
        }

    def close(self) -> None:
        """Take it down, and remove all that it kept."""
        self._stack.down(is_state_purged=True)
        shutil.rmtree(self._folder / "home", ignore_errors=True)


def _driver(record: StackRecord) -> str:
    """Return which driver the sidecar has for SQLite."""
    from perdure_dapr.stack.sqlite_driver import DRIVER, driver_version

    sidecar = next(each.server for each in record.servers if each.server.name == "daprd")
    return f"{DRIVER} {driver_version(Path(sidecar.command[0])) or 'of no known version'}"
