"""Connection strings of Durable Task Scheduler: ``Endpoint=…;TaskHub=…;Authentication=…``.

The rules are those of Microsoft's own parsers (``DurableTaskSchedulerConnectionString`` in
microsoft/durabletask-dotnet and microsoft/durabletask-java, ``NewOptionsFromConnectionString`` in
microsoft/durabletask-go): keys in any case and order, space around keys and values dropped, empty
parts skipped, a value may hold ``=``, an empty value counts as none. As in .NET, a value may stand
in quotes, and may then hold ``;``.

It is stricter in three things, since a misspelt key would otherwise be a silent change of identity:
a key that is not known is an error (as in Go; .NET and Java ignore it), so is a key given twice
(there the last one counts), and so is a part without ``=`` (as in .NET and Go; Java ignores it).

In one thing it is not: ``TaskHub`` may be absent, as in what the Azure CLI and the portal hand out.
The hub then stands in a variable beside it, as Azure Functions has it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from perdure.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUIRED_KEYS: Final = ("Endpoint", "Authentication")
OPTIONAL_KEYS: Final = (
    "TaskHub",
    "ClientID",
    "TenantId",
    "TokenFilePath",
    "AdditionallyAllowedTenants",
    "ResourceId",
    "AuthorityHost",
)

FORM: Final = "Endpoint=…;TaskHub=…;Authentication=…"

_KEYS: Final = {key.lower(): key for key in (*REQUIRED_KEYS, *OPTIONAL_KEYS)}
# One part: a key, and a value that is quoted or runs to the next semicolon.
_QUOTED: Final = r""""(?:[^"]|"")*"|'(?:[^']|'')*'"""
_PART: Final = re.compile(rf"\s*([^=;]*?)\s*=\s*({_QUOTED}|[^;]*?)\s*(?:;|\Z)")
_NOTHING: Final = re.compile(r"\s*(?:;|\Z)")


def parse_connection_string(text: str, *, setting: str) -> dict[str, str]:
    """Return the values by key, in Microsoft's spelling of the keys.

    Errors name ``setting`` and the key at fault. They never repeat the whole string, in case that
    something secret was put in it.

    Raises:
        ConfigurationError: The text cannot be read, or lacks a required key.
    """
    values: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in _parts(text, setting):
        key = _KEYS.get(name.lower())
        if key is None:
            problem = f"unknown key {name!r}; known: {', '.join(_KEYS.values())}"
            raise ConfigurationError(setting=setting, problem=problem)
        if key in seen:
            raise ConfigurationError(setting=setting, problem=f"the key {key} is given twice")
        seen.add(key)
        if value:
            values[key] = value
    for key in REQUIRED_KEYS:
        if key not in values:
            problem = f"lacks {key}; the form is {FORM}"
            raise ConfigurationError(setting=setting, problem=problem)
    return values


def _parts(text: str, setting: str) -> Iterator[tuple[str, str]]:
    position, number = 0, 0
    while position < len(text):
        number += 1
        if nothing := _NOTHING.match(text, position):
            position = nothing.end()
            continue
        part = _PART.match(text, position)
        if part is None or not part[1]:
            problem = f"part {number} is not of the form key=value (parts are separated by ';')"
            raise ConfigurationError(setting=setting, problem=problem)
        yield part[1], _unquoted(part[2])
        position = part.end()


def _unquoted(value: str) -> str:
    quote = value[:1]
    if len(value) >= 2 and quote in ("'", '"') and value.endswith(quote):
        return value[1:-1].replace(quote * 2, quote).strip()
    return value
