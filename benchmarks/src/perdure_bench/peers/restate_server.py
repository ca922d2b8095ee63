"""Restate's server at its defaults, as one process on loopback that ends with this one.

Its telemetry and its web interface are off. The program is the one that ``RESTATE_SERVER`` names,
or else that of the ``PATH``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from perdure.stack import LOOPBACK, HealthCheck, Server, StackPlan, TiedStack
from perdure_bench.places.place import PlaceError, Spent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perdure.stack import OptionValue, PortBook, StackOption, Tell

PROGRAM: Final = "restate-server"
VARIABLE: Final = "RESTATE_SERVER"
PACKAGE: Final = "@restatedev/restate-server"
VERSION: Final = "1.7.12"
_INSTALL: Final = (
    f"npm install --ignore-scripts --prefix DIR {PACKAGE}@{VERSION}; "
    f"export {VARIABLE}=DIR/node_modules/.bin/{PROGRAM}"
)
_ANSWER_SECONDS: Final = 20.0
_WAIT_SECONDS: Final = 60.0


def find_restate_server() -> str:
    """Return the program.

    Raises:
        PlaceError: There is none.
    """
    named = os.environ.get(VARIABLE)
    found = shutil.which(named or PROGRAM)
    if found is None and named:
        raise PlaceError(f"{VARIABLE} names no program: {named}")
    if found is None:
        raise PlaceError(f"{PROGRAM} is not installed; type: {_INSTALL}")
    return _behind_wrapper(Path(found).resolve())


class RestateServer(TiedStack):
    """The server, up within ``with``, and gone with this process however that ends.

    Args:
        program: Which, as an absolute path.
        folder: For all that it keeps.
    """

    def __init__(self, program: str, folder: Path) -> None:
        super().__init__(folder, kind=_RestateKind(program), wait_seconds=_WAIT_SECONDS)

    def spent(self) -> dict[str, Spent]:
        """Return what it has spent, by its name."""
        return {
            name: Spent(cpu_seconds=usage.cpu_seconds, memory_bytes=usage.memory_bytes)
            for name, usage in self.usage().items()
        }

    def settings(self) -> dict[str, str]:
        """Say which version runs, and how durable it is by what its own configuration says.

        Raises:
            PlaceError: The program does not tell.
        """
        server = self.record().servers[0].server
        dumped = _told(server.command[0], "--dump-config", variables=server.environment)
        config = tomllib.loads(dumped)
        provider = config["bifrost"]["default-provider"]
        log = config["log-server"] if provider == "replicated" else config["bifrost"][provider]
        is_synced = not (log["rocksdb-disable-wal-fsync"] or log.get("rocksdb-disable-wal", False))
        return {
            "server": _told(server.command[0], "--version").strip(),
            "durability": f"log of its own ({provider}, {config['default-replication']} replica), "
            f"RocksDB, fsync of the write-ahead log {'on' if is_synced else 'off'}",
        }


class _RestateKind:
    """One server with all roles."""

    name = "restate"
    options: tuple[StackOption, ...] = ()

    def __init__(self, program: str) -> None:
        self._program = program

    def plan(
        self, given: Mapping[str, OptionValue], *, folder: Path, ports: PortBook, tell: Tell
    ) -> StackPlan:
        """Return the server."""
        ingress, admin, node = (ports.take(name) for name in ("ingress", "admin", "node"))
        url = f"http://{LOOPBACK}:{ingress}"
        server = Server(
            name=PROGRAM,
            command=(self._program, "--no-logo"),
            health=HealthCheck(url=f"http://{LOOPBACK}:{admin}/health"),
            ports={"ingress": ingress, "admin": admin, "node": node},
            environment={
                "RESTATE_BASE_DIR": str(folder / "state"),
                "RESTATE_NODE_NAME": "bench",
                "RESTATE_LISTEN_MODE": "tcp",
                "RESTATE_BIND_IP": LOOPBACK,
                "RESTATE_ADVERTISED_HOST": LOOPBACK,
                "RESTATE_BIND_PORT": str(node),
                "RESTATE_INGRESS__BIND_PORT": str(ingress),
                "RESTATE_ADMIN__BIND_PORT": str(admin),
                "RESTATE_ADMIN__DISABLE_WEB_UI": "true",
                "RESTATE_DISABLE_TELEMETRY": "true",
                "DO_NOT_TRACK": "1",
            },
        )
        exports = {"INGRESS": url, "ADMIN": f"http://{LOOPBACK}:{admin}"}
        return StackPlan(servers=(server,), url=url, exports=exports, options={})

    def settle(self, server: Server, *, folder: Path, seconds: float) -> str:
        """Find nothing wrong: a side registers its workflows itself."""
        return ""

    def verify(self, logs: Mapping[str, str]) -> Mapping[str, str]:
        """Tell nothing: the program says its version when it is asked."""
        return {}

    def build(self, given: Mapping[str, OptionValue], *, tell: Tell) -> str:
        """Build nothing."""
        return ""


def _behind_wrapper(found: Path) -> str:
    """Return the program itself where npm has a script for Node.js that only starts it."""
    if found.suffix == ".js":
        packages = found.parents[2]
        for program in packages.glob(f"{PROGRAM}-*/bin/{PROGRAM}"):
            return str(program)
    return str(found)


def _told(program: str, option: str, *, variables: Mapping[str, str] = MappingProxyType({})) -> str:
    try:
        return subprocess.run(
            [program, option],
            env=variables,
            capture_output=True,
            check=True,
            text=True,
            timeout=_ANSWER_SECONDS,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise PlaceError(f"{program} does not answer {option}: {error}") from error
