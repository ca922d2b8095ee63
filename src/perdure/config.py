"""Settings, first match wins: the argument, the variable, the profile, the default.

A profile is a table of ``perdure.toml`` in the working directory::

    profile = "local"                  # the one to use when nothing else names one

    [profiles.production]
    backend = "azure"
    payloads = "abfs://container/perdure"
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from perdure.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

BACKEND_VARIABLE = "PERDURE_BACKEND"
HUB_VARIABLE = "PERDURE_HUB"
PAYLOADS_VARIABLE = "PERDURE_PAYLOADS"
PROFILE_VARIABLE = "PERDURE_PROFILE"
LOG_VARIABLE = "PERDURE_LOG"
PROFILE_FILE = "perdure.toml"
DEFAULT_BACKEND = "sqlite"

_PROFILE_KEYS = ("backend", "hub", "payloads")
_HUB = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LOG_LEVELS = ("debug", "info", "warning", "error")
_LOG_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What the settings come to.

    Attributes:
        backend: What selects the backend: its name, or ``name://…``.
        backend_setting: Where that was found, for messages.
        hub: The hub to use instead of the backend's own default.
        payloads: The URL of the payload store.
        profile: The profile that was used, if any.
        profiles: The profiles there are.
    """

    backend: str
    backend_setting: str
    hub: str | None = None
    payloads: str | None = None
    profile: str | None = None
    profiles: tuple[str, ...] = ()

    @property
    def backend_name(self) -> str:
        """The backend's name alone."""
        return re.split(r"://|\?", self.backend, maxsplit=1)[0]

    @property
    def backend_url(self) -> str:
        """What the backend is made from. To the embedded engine a hub is a file."""
        address, mark, options = self.backend.partition("?")
        if address == DEFAULT_BACKEND and self.hub is not None:
            return f"sqlite:///.perdure/{self.hub}.db{mark}{options}"
        return self.backend


@dataclass(frozen=True, slots=True, kw_only=True)
class _Profiles:
    """The content of ``perdure.toml``."""

    default: str | None = None
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def get(self, name: str, *, setting: str) -> Mapping[str, str]:
        if name not in self.tables:
            known = ", ".join(sorted(self.tables)) or "none"
            problem = f"no profile {name!r} in {PROFILE_FILE} of this folder; it has: {known}"
            raise ConfigurationError(setting=setting, problem=problem)
        return self.tables[name]


def resolve(
    *,
    backend: str | None = None,
    profile: str | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Configuration:
    """Return the settings in force; ``backend`` and ``profile`` are what the program itself says.

    Raises:
        ConfigurationError: A profile that is not there, or a value that cannot be used.
    """
    variables = os.environ if environment is None else environment
    profiles = _read_profiles((Path() if folder is None else folder) / PROFILE_FILE)
    word = _first(("backend=", backend), _variable(BACKEND_VARIABLE, variables))
    named = _first(
        ("profile=", profile),
        _variable(PROFILE_VARIABLE, variables),
        (f"profile in {PROFILE_FILE}", profiles.default),
    )
    if word is not None and word[1] in profiles.tables:
        named, word = word, None
    table = {} if named is None else profiles.get(named[1], setting=named[0])
    label = "" if named is None else f"[profiles.{named[1]}] in {PROFILE_FILE}"
    setting, value = (
        word
        or _first((f"backend of {label}", table.get("backend")))
        or ("default", DEFAULT_BACKEND)
    )
    hub = _first(_variable(HUB_VARIABLE, variables), (f"hub of {label}", table.get("hub")))
    payloads = variables.get(PAYLOADS_VARIABLE) or table.get("payloads")
    return Configuration(
        backend=_checked_backend(value, setting=setting),
        backend_setting=setting,
        hub=None if hub is None else _checked_hub(hub[1], setting=hub[0]),
        payloads=payloads,
        profile=None if named is None else named[1],
        profiles=tuple(sorted(profiles.tables)),
    )


def configure_logging(default: str | None = None) -> None:
    """Show perdure's log on standard error, from the level in ``PERDURE_LOG``, else ``default``.

    Does nothing where neither says a level, or the program has set up logging for perdure itself.

    Raises:
        ConfigurationError: The variable holds no level.
    """
    level = os.environ.get(LOG_VARIABLE) or default
    logger = logging.getLogger("perdure")
    if level is None or logger.handlers:
        return
    if level.lower() not in _LOG_LEVELS:
        problem = f"no level {level!r}; use one of {', '.join(_LOG_LEVELS)}"
        raise ConfigurationError(setting=LOG_VARIABLE, problem=problem)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(_LOG_FORMAT))
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    logger.propagate = False


def _first(*choices: tuple[str, str | None]) -> tuple[str, str] | None:
    return next(((setting, value) for setting, value in choices if value), None)


def _variable(name: str, variables: Mapping[str, str]) -> tuple[str, str | None]:
    return name, variables.get(name)


def _checked_backend(value: str, *, setting: str) -> str:
    if "://" not in value and ("/" in value or "\\" in value or value.endswith(".db")):
        problem = f"{value!r} looks like a file; write sqlite:///{value}"
        raise ConfigurationError(setting=setting, problem=problem)
    return value


def _checked_hub(value: str, *, setting: str) -> str:
    if not _HUB.fullmatch(value):
        problem = f"{value!r} cannot name a hub; use 1 to 64 of letters, digits, '_' and '-'"
        raise ConfigurationError(setting=setting, problem=problem)
    return value


def _read_profiles(path: Path) -> _Profiles:
    import tomllib

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return _Profiles()
    except (OSError, ValueError) as error:
        raise ConfigurationError(setting=str(path), problem=f"cannot be read: {error}") from error
    unknown = sorted(content.keys() - {"profile", "profiles"})
    if unknown:
        problem = f"unknown key {unknown[0]!r}; known: profile, profiles"
        raise ConfigurationError(setting=str(path), problem=problem)
    default = content.get("profile")
    tables = content.get("profiles", {})
    if not (default is None or isinstance(default, str)) or not isinstance(tables, dict):
        problem = 'profile is a name, and profiles are tables: [profiles.local], backend = "sqlite"'
        raise ConfigurationError(setting=str(path), problem=problem)
    for name, table in tables.items():
        _check_table(table, setting=f"[profiles.{name}] in {path}")
    return _Profiles(default=default, tables=tables)


def _check_table(table: object, *, setting: str) -> None:
    if not isinstance(table, dict):
        raise ConfigurationError(setting=setting, problem='not a table; write backend = "sqlite"')
    for key, value in table.items():
        if key not in _PROFILE_KEYS:
            problem = f"unknown key {key!r}; known: {', '.join(_PROFILE_KEYS)}"
            raise ConfigurationError(setting=setting, problem=problem)
        if not isinstance(value, str):
            raise ConfigurationError(setting=setting, problem=f"{key} must be text, got {value!r}")
