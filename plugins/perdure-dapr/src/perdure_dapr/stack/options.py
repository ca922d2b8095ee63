"""What can be chosen of a local Dapr stack, checked before anything is started."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from perdure.stack import OptionValue, StackOption, choose, require_option

if TYPE_CHECKING:
    from collections.abc import Mapping

GENERATED: Final = "generated"
MOST_SIDECARS: Final = 32

_APP_ID = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?")
_SIZE = re.compile(r"[1-9][0-9]*(Ki|Mi|Gi)?")
_STORES: Final = ("sqlite", "redis", "postgresql")
_LOG_LEVELS: Final = ("debug", "info", "warn", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """How the stack shall be.

    Attributes:
        app_id: The app id of all sidecars; perdure's hub.
        sidecars: How many sidecars share it.
        state: Where workflows are stored: ``sqlite`` (a file in the stack's folder), ``redis`` or
            ``redis=HOST:PORT``, ``postgresql=CONNECTION STRING``.
        mtls: Whether sidecars and control plane prove who they are to each other, with
            certificates from a sentry of their own.
        api_token: What clients must send; ``generated`` for one that is made and kept, empty for
            none.
        max_body_size: The most that a message, and the history of one instance, may have.
        log_level: Of all servers.
        bare: Whether the anchor is left out, which keeps a sidecar hosting workflows while no
            worker is there; see :mod:`perdure_dapr.anchor`.
        components: A folder with further component files, which all sidecars load when they
            start; empty for none. It is kept as an absolute path.
    """

    app_id: str = "perdure"
    sidecars: int = 1
    state: str = "sqlite"
    mtls: bool = False
    api_token: str = ""
    max_body_size: str = "64Mi"
    log_level: str = "info"
    bare: bool = False
    components: str = ""

    def __post_init__(self) -> None:
        """Refuse what Dapr would refuse later, or take and not do.

        Raises:
            ConfigurationError: A value that cannot be used.
        """
        require_option(
            _APP_ID.fullmatch(self.app_id), "app-id", "letters, digits and '-', at most 64"
        )
        is_possible = 1 <= self.sidecars <= MOST_SIDECARS
        require_option(is_possible, "sidecars", f"a number from 1 to {MOST_SIDECARS}")
        store, mark, address = self.state.partition("=")
        require_option(store in _STORES, "state", f"one of {', '.join(_STORES)}")
        if mark or store == "postgresql":
            needed = "a file in the stack's folder and takes no address"
            require_option(store != "sqlite", "state", f"without '=': sqlite is {needed}")
            example = "postgresql=postgresql://user:password@127.0.0.1:5432/database"
            require_option(address, "state", f"with an address, such as {example}")
        require_option(_SIZE.fullmatch(self.max_body_size), "max-body-size", "a size, such as 64Mi")
        require_option(
            self.log_level in _LOG_LEVELS, "log-level", f"one of {', '.join(_LOG_LEVELS)}"
        )
        is_sendable = self.api_token.isascii() and self.api_token.isprintable()
        require_option(is_sendable and " " not in self.api_token, "api-token", "printable ASCII")
        if self.components:
            folder = Path(self.components).expanduser().absolute()
            require_option(folder.is_dir(), "components", f"a folder that exists, not {folder}")
            # daprd takes the flag for several paths with commas between them.
            require_option("," not in str(folder), "components", "a folder without ',' in its path")
            object.__setattr__(self, "components", str(folder))

    @classmethod
    def from_given(cls, given: Mapping[str, OptionValue]) -> StackOptions:
        """Return the options of which only some are ``given``.

        Raises:
            ConfigurationError: An option that does not exist, or a value that cannot be used.
        """
        return choose(cls, given)

    def as_given(self) -> dict[str, OptionValue]:
        """Return all of them by name."""
        return asdict(self)


DECLARED: Final = (
    StackOption(
        name="app_id", default="perdure", metavar="ID", help="The app id of all sidecars; the hub."
    ),
    StackOption(
        name="sidecars", default=1, metavar="N", help="How many sidecars share the app id."
    ),
    StackOption(
        name="state",
        default="sqlite",
        metavar="sqlite|redis[=HOST:PORT]|postgresql=URL",
        help="Where workflows are stored.",
        is_secret=True,  # the address may hold a password
    ),
    StackOption(
        name="mtls", default=False, help="Start sentry too, and have all servers use mutual TLS."
    ),
    StackOption(
        name="api_token",
        default="",
        metavar="TOKEN|generated",
        help="What clients must send; none by default.",
        is_secret=True,
    ),
    StackOption(
        name="max_body_size",
        default="64Mi",
        metavar="SIZE",
        help="The most that a message, and one instance's history, may have.",
    ),
    StackOption(
        name="log_level", default="info", metavar="|".join(_LOG_LEVELS), help="Of all servers."
    ),
    StackOption(
        name="bare",
        default=False,
        help="Leave out what keeps a sidecar in service when its last worker is killed.",
    ),
    StackOption(
        name="components",
        default="",
        metavar="FOLDER",
        help="Further component files, which all sidecars load.",
    ),
)
