"""The stack that ``perdure stack up azure`` brings up."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from perdure.stack import StackPlan
from perdure_azure.stack.build import PROGRAM, STACK
from perdure_azure.stack.certificates import make_certificates
from perdure_azure.stack.options import DECLARED, StackOptions
from perdure_azure.stack.programs import find_program
from perdure_azure.stack.servers import connection_string, endpoint_of, stand_in, url_of
from perdure_azure.stack.versions import version_in_log

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from perdure.stack import OptionValue, PortBook, Server, StackOption, Tell

ABOUT: Final = (
    f"{PROGRAM} is perdure's local stand-in for Azure Durable Task Scheduler; it is not DTS. "
    "Not modelled: entities, rewind, DTS's own latency and scaling. What happens at the cap of "
    "actions per second is perdure's choice, and some error codes are unconfirmed."
)


class AzureStackKind:
    """The stand-in, one server."""

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
        """Return the server to start; builds its program if there is none.

        Raises:
            ConfigurationError: An option has a value that cannot be used.
            StackError: The program is not there and cannot be built.
        """
        options = StackOptions.from_given(given)
        program = find_program(environment=os.environ, tell=tell)
        state = folder / "state"
        data = state / "hubs"
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        certificates = make_certificates(state / "tls") if options.tls else None
        server = stand_in(program.path, options, data=data, ports=ports, certificates=certificates)
        exports = {
            "PERDURE_BACKEND": STACK,
            "DURABLE_TASK_SCHEDULER_CONNECTION_STRING": connection_string(
                endpoint_of(server, is_secure=options.tls), options.hub_names[0]
            ),
        }
        if certificates is not None:
            # gRPC's own variable; in a program that has it, no other authority is trusted.
            exports["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = str(certificates.authority)
        return StackPlan(
            servers=(server,),
            url=url_of(server, options.hub_names[0], is_secure=options.tls),
            exports=exports,
            options=options.as_given(),
            notes=(f"{PROGRAM} from {program.path.parent} ({program.origin})",),
            about=ABOUT,
        )

    def settle(self, server: Server, *, folder: Path, seconds: float) -> str:
        """Return nothing: once healthy, the stand-in works."""
        return ""

    def verify(self, logs: Mapping[str, str]) -> Mapping[str, str]:
        """Return the version that the stand-in says it has."""
        version = version_in_log(logs.get(PROGRAM, ""))
        return {PROGRAM: version} if version else {}

    def build(self, given: Mapping[str, OptionValue], *, tell: Tell) -> str:
        """Build the program if there is none, and say where it is.

        Raises:
            ConfigurationError: An option has a value that cannot be used.
            StackError: It cannot be built.
        """
        StackOptions.from_given(given)
        program = find_program(environment=os.environ, tell=tell)
        return f"{program.path} ({program.origin}); {ABOUT}"


def create_stack() -> AzureStackKind:
    """Return the stack, for the entry point."""
    return AzureStackKind()
