"""The stack that ``perdure stack up dapr`` brings up."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from perdure.stack import LOOPBACK, StackPlan
from perdure_dapr.stack.build import Builder
from perdure_dapr.stack.files import (
    api_token,
    write_configuration,
    write_resources,
    write_sentry_configuration,
)
from perdure_dapr.stack.options import DECLARED, StackOptions
from perdure_dapr.stack.programs import (
    BUILT_HERE,
    STACK,
    find_installed,
    needed,
    versions_in_logs,
)
from perdure_dapr.stack.scheduler import take_over
from perdure_dapr.stack.servers import SCHEDULER, SIDECAR, Layout, servers
from perdure_dapr.stack.sqlite_driver import DRIVER, driver_version, shows_old_states

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from perdure.stack import OptionValue, PortBook, Server, StackOption, Tell
    from perdure_dapr.stack.programs import Programs


class DaprStackKind:
    """Dapr's control plane and its sidecars."""

    @property
    def name(self) -> str:
        """The word that selects it."""
        return STACK

    @property
    def options(self) -> tuple[StackOption, ...]:
        """What can be chosen."""
        return DECLARED

    def plan(
        self, given: Mapping[str, OptionValue], *, folder: Path, ports: PortBook, tell: Tell
    ) -> StackPlan:
        """Return the servers to start; builds their programs if they are nowhere.

        Raises:
            ConfigurationError: An option has a value that cannot be used.
            StackError: The programs are not there and cannot be built.
        """
        options = StackOptions.from_given(given)
        programs = _programs(options, tell)
        token = api_token(folder, options)
        planned = servers(
            Layout(
                programs=programs.folder,
                folder=folder,
                ports=ports,
                options=options,
                components=write_resources(folder, options),
                configuration=write_configuration(folder),
                sentry_configuration=write_sentry_configuration(folder),
                api_token=token,
            )
        )
        first = next(server for server in planned if server.name == SIDECAR)
        return StackPlan(
            servers=planned,
            url=url_of(first),
            exports=_exports(first, token),
            options=options.as_given(),
            versions={SIDECAR: programs.version},
            notes=_notes(programs, planned, options),
        )

    def settle(self, server: Server, *, folder: Path, seconds: float) -> str:
        """Wait until a scheduler that was started triggers jobs; return what is wrong."""
        if server.name != SCHEDULER:
            return ""
        return take_over(server, lease_file=folder / "state" / "scheduler-lease", seconds=seconds)

    def verify(self, logs: Mapping[str, str]) -> Mapping[str, str]:
        """Return what each server that was started says its version is.

        Raises:
            StackError: They are not all of one version.
        """
        return versions_in_logs(logs)

    def build(self, given: Mapping[str, OptionValue], *, tell: Tell) -> str:
        """Build the programs if they are nowhere, and say where they are.

        Raises:
            ConfigurationError: An option has a value that cannot be used.
            StackError: They cannot be built.
        """
        programs = _programs(StackOptions.from_given(given), tell)
        return f"Dapr {programs.version} in {programs.folder} ({programs.origin})"


def create_stack() -> DaprStackKind:
    """Return the stack, for the entry point."""
    return DaprStackKind()


def url_of(sidecar: Server) -> str:
    """Return the value for ``PERDURE_BACKEND`` that reaches ``sidecar``."""
    return f"dapr://{LOOPBACK}:{sidecar.ports['grpc']}"


def _programs(options: StackOptions, tell: Tell) -> Programs:
    names = needed(has_mtls=options.mtls)
    installed = find_installed(names, environment=os.environ, tell=tell)
    return installed or Builder(environment=os.environ, tell=tell).build(names)


def _notes(programs: Programs, planned: Iterable[Server], options: StackOptions) -> tuple[str, ...]:
    notes = [f"Dapr {programs.version} from {programs.folder} ({programs.origin})"]
    if programs.has_open_health_listeners:
        ports = [
            f"{each.name} {each.ports['health']}" for each in planned if "health" in each.ports
        ]
        exposed = f"its health listeners are open to the network ({', '.join(ports)})"
        notes.append(f"{exposed}, as Dapr has it up to 1.18")
    if options.state == "sqlite" and programs.origin != BUILT_HERE:
        notes += _old_states(programs)
    return tuple(notes)


def _old_states(programs: Programs) -> list[str]:
    driver = driver_version(programs.folder / SIDECAR)
    if not shows_old_states(driver):
        return []
    problem = f"its driver of SQLite ({DRIVER} {driver}) at times reads old states"
    return [f"{problem}; --state redis or postgresql is sound"]


def _exports(sidecar: Server, token: str) -> dict[str, str]:
    """Return what perdure needs, and what Dapr's own SDK needs to find the same sidecar."""
    return {
        "PERDURE_BACKEND": url_of(sidecar),
        "DAPR_GRPC_PORT": str(sidecar.ports["grpc"]),
        "DAPR_HTTP_PORT": str(sidecar.ports["http"]),
        **({"DAPR_API_TOKEN": token} if token else {}),
    }
