"""Settings, first match wins: the argument (or flag), the variable, the profile, the default.

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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perdure._profiles import PROFILE_FILE, PROFILE_KEYS, read_profiles
from perdure.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perdure._profiles import Profiles

BACKEND_VARIABLE = "PERDURE_BACKEND"
HUB_VARIABLE = "PERDURE_HUB"
PAYLOADS_VARIABLE = "PERDURE_PAYLOADS"
PROFILE_VARIABLE = "PERDURE_PROFILE"
LOG_VARIABLE = "PERDURE_LOG"
DEFAULT_BACKEND = "sqlite"

_PROFILE_KEYS = PROFILE_KEYS
_HUB = re.compile(r"[A-Za-z0-9_-]{1,64}")
# In what is shown: the password of an address, and options that hold a key.
_PASSWORD = re.compile(r"(://[^/?#:@]*:)[^/?#@]+@")
_SECRET_OPTION = re.compile(
    r"(?i)([?&;][^=&;]*(?:key|secret|token|password|signature|sig|sas)=)[^&;]+"
)
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
        """What the backend is made from.

        To the embedded engine a hub is a file. Others get it as the option ``hub``, unless their
        URL has one.
        """
        address, mark, options = self.backend.partition("?")
        if self.hub is None:
            return self.backend
        if address == DEFAULT_BACKEND:
            return f"sqlite:///.perdure/{self.hub}.db{mark}{options}"
        if self.backend_name == DEFAULT_BACKEND or re.search(r"(^|&)hub=", options):
            return self.backend
        joint = "&" if options else "" if mark else "?"
        return f"{self.backend}{joint}hub={self.hub}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting: its value, and what says so. Secrets within the value are not shown."""

    name: str
    value: str | None
    source: str


def resolve(
    *,
    backend: str | None = None,
    profile: str | None = None,
    hub: str | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Configuration:
    """Return the settings in force; the first three are what the program itself says.

    Raises:
        ConfigurationError: A profile that is not there, or a value that cannot be used.
    """
    given = {"backend": backend, "profile": profile, "hub": hub}
    return _resolve(given, environment=environment, folder=folder, is_flag=False).configuration


def explain(
    *,
    backend: str | None = None,
    profile: str | None = None,
    hub: str | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> list[Setting]:
    """Return every setting with its source; the first three are the flags of a command.

    Raises:
        ConfigurationError: A profile that is not there, or a value that cannot be used.
    """
    variables = os.environ if environment is None else environment
    given = {"backend": backend, "profile": profile, "hub": hub}
    found = _resolve(given, environment=variables, folder=folder, is_flag=True)
    settings = [
        Setting(
            name=name,
            value=None if value is None else _without_secrets(value),
            source="default" if value is None else source,
        )
        for name, (source, value) in found.sources.items()
    ]
    level = variables.get(LOG_VARIABLE) or None
    source = "default" if level is None else LOG_VARIABLE
    return [*settings, Setting(name="log", value=level, source=source)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resolved:
    """The settings, and by the name of each what says so."""

    configuration: Configuration
    sources: Mapping[str, tuple[str, str | None]]


def _resolve(
    given: Mapping[str, str | None],
    *,
    environment: Mapping[str, str] | None,
    folder: Path | None,
    is_flag: bool,
) -> _Resolved:
    variables = os.environ if environment is None else environment
    profiles = read_profiles((Path() if folder is None else folder) / PROFILE_FILE)
    said = {key: (f"--{key}" if is_flag else f"{key}=", value) for key, value in given.items()}
    word = _first(said["backend"], _variable(BACKEND_VARIABLE, variables))
    named = _first(
        said["profile"],
        _variable(PROFILE_VARIABLE, variables),
        (_default_profile(profiles), profiles.default),
    )
    if word is not None and word[1] in profiles.tables:
        named, word = word, None
    table = {} if named is None else profiles.get(named[1], setting=named[0])

    def of_profile(key: str) -> tuple[str, str | None]:
        return ("" if named is None else profiles.label(named[1], key)), table.get(key)

    chosen = word or _first(of_profile("backend")) or ("default", DEFAULT_BACKEND)
    hub = _first(said["hub"], _variable(HUB_VARIABLE, variables), of_profile("hub"))
    payloads = _first(_variable(PAYLOADS_VARIABLE, variables), of_profile("payloads"))
    configuration = Configuration(
        backend=_checked_backend(chosen[1], setting=chosen[0]),
        backend_setting=chosen[0],
        hub=None if hub is None else _checked_hub(hub[1], setting=hub[0]),
        payloads=None if payloads is None else payloads[1],
        profile=None if named is None else named[1],
        profiles=tuple(sorted(profiles.tables)),
    )
    nothing = ("default", None)
    sources = {
        "profile": named or nothing,
        "backend": chosen,
        "hub": hub or nothing,
        "payloads": payloads or nothing,
    }
    return _Resolved(configuration=configuration, sources=sources)


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


def is_debugging() -> bool:
    """Return whether ``PERDURE_LOG`` asks for everything."""
    return os.environ.get(LOG_VARIABLE, "").lower() == "debug"


def _first(*choices: tuple[str, str | None]) -> tuple[str, str] | None:
    return next(((setting, value) for setting, value in choices if value), None)


def _variable(name: str, variables: Mapping[str, str]) -> tuple[str, str | None]:
    return name, variables.get(name)


def _default_profile(profiles: Profiles) -> str:
    line = profiles.lines.get("profile")
    return f"profile in {PROFILE_FILE}" + ("" if line is None else f" line {line}")


def _without_secrets(value: str) -> str:
    return _SECRET_OPTION.sub(r"\1***", _PASSWORD.sub(r"\1***@", value))


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
