"""What a stack is made of: server processes, how each is started, and how it says it is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from perdure.stack.ports import PortBook

OptionValue = str | int | bool
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """A request that a healthy server answers with ``status``."""

    url: str
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One process of a stack.

    Attributes:
        name: What people call it; also the name of its log.
        command: The program, as an absolute path, and its arguments.
        health: How to ask whether it is ready.
        stage: Servers of one stage start together, once those of the stages before are healthy;
            they are stopped in the opposite order.
        ports: Its loopback ports by what they serve.
        environment: Its variables, beside the few that every program needs.
        environment_files: Variables whose value is what a file holds at the start.
        grace_seconds: How long it may take to end by itself when it is stopped.
    """

    name: str
    command: tuple[str, ...]
    health: HealthCheck
    stage: int = 0
    ports: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    environment_files: Mapping[str, str] = field(default_factory=dict)
    grace_seconds: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPlan:
    """The servers to start, and what to tell those who use them.

    Attributes:
        servers: In the order in which they are shown.
        url: The value for ``PERDURE_BACKEND``.
        exports: All variables that a user's program needs, that one among them.
        options: The options in force.
        versions: What runs, by the name of the program.
        notes: What a user should know, a sentence each.
        about: What a user must not mistake it for; shown whenever the stack is.
    """

    servers: tuple[Server, ...]
    url: str
    exports: Mapping[str, str]
    options: Mapping[str, OptionValue]
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOption:
    """An option that a stack takes, as ``perdure stack up`` offers it.

    Attributes:
        name: As in Python; the command line writes ``--like-this``.
        default: What holds if it is not given; its type is the option's.
        help: One sentence.
        metavar: What stands for the value in the help.
        is_secret: Whether its value must not be shown.
    """

    name: str
    default: OptionValue
    help: str
    metavar: str = ""
    is_secret: bool = False


class StackKind(Protocol):
    """What a plugin offers under its name in the group ``perdure.stacks``."""

    @property
    def name(self) -> str:
        """The word that selects it."""

    @property
    def options(self) -> tuple[StackOption, ...]:
        """What can be chosen."""

    def plan(
        self, given: Mapping[str, OptionValue], *, folder: Path, ports: PortBook, tell: Tell
    ) -> StackPlan:
        """Return the servers to start, with everything in place that they read.

        May build programs, telling how far it is. Called with the stack's lock held; it starts no
        server.

        Args:
            given: The options that the user gave; the others have their defaults.
            folder: Where the stack lives. What must outlive a restart belongs into its ``state``.
            ports: Where to take ports from.
            tell: Takes words for the user.

        Raises:
            ConfigurationError: An option has a value that cannot be used.
            StackError: The programs are not there and cannot be made.
        """

    def settle(self, server: Server, *, folder: Path, seconds: float) -> str:
        """See a server that has just been started and become healthy through to real use.

        Called each time that one was started, within the stack's lock.

        Args:
            server: The one.
            folder: Where the stack lives.
            seconds: How long it may take.

        Returns:
            What is wrong; empty if nothing is.
        """

    def verify(self, logs: Mapping[str, str]) -> Mapping[str, str]:
        """Look at servers that have just become healthy, and return their versions by name.

        Args:
            logs: What each has logged.

        Raises:
            StackError: They do not fit together; they are stopped then.
        """

    def build(self, given: Mapping[str, OptionValue], *, tell: Tell) -> str:
        """Make the programs ahead of time, and return in words what there is now and where.

        Raises:
            StackError: They cannot be made.
        """
