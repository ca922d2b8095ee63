"""Prices: what the user says that things cost. There are no others.

They stand in ``perdure.toml``, in the table ``[cost]``, or in ``pyproject.toml``, in the table
``[tool.perdure.cost]``; an option of the command wins over either.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from perdure.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PRICING_PAGE = "https://azure.microsoft.com/pricing/details/durable-task-scheduler/"
RETAIL_PRICES = (
    "https://prices.azure.com/api/retail/prices?$filter=serviceName eq 'Durable Task Scheduler'"
)
_TABLES = (("perdure.toml", ("cost",)), ("pyproject.toml", ("tool", "perdure", "cost")))

MEANINGS = {
    "price_per_million_actions": "a million actions on Consumption",
    "price_per_unit_hour": "a capacity unit of Dedicated for an hour",
    "price_per_vcpu_hour": "a vCPU of your machines for an hour",
    "price_per_gib_hour": "a GiB of your machines' memory for an hour",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices in one currency; ``None`` is not known."""

    price_per_million_actions: float | None = None
    price_per_unit_hour: float | None = None
    price_per_vcpu_hour: float | None = None
    price_per_gib_hour: float | None = None
    currency: str = ""

    @property
    def missing(self) -> list[str]:
        """The names of those that are not known."""
        return [name for name in MEANINGS if getattr(self, name) is None]


def read_prices(folder: Path, given: Mapping[str, Any]) -> Prices:
    """Return the prices in force.

    Args:
        folder: Where the files are looked for.
        given: Those that the command line has, by name; ``None`` for none.

    Raises:
        ConfigurationError: A file cannot be read, a name is unknown, or a price is no number from 0
            on.
    """
    found: dict[str, Any] = {}
    for file, table in reversed(_TABLES):
        for name, value in _table_of(folder / file, table).items():
            found[name] = _checked(name, value, setting=f"{name} of [{'.'.join(table)}] in {file}")
    for name, value in given.items():
        if value is not None:
            found[name] = _checked(name, value, setting="--" + name.replace("_", "-"))
    return Prices(**found)


def option_of(name: str) -> str:
    """Return the option that gives a price."""
    return "--" + name.replace("_", "-")


def _table_of(path: Path, table: tuple[str, ...]) -> Mapping[str, Any]:
    try:
        content: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigurationError(setting=str(path), problem=f"cannot be read: {error}") from error
    for key in table:
        content = content.get(key, {}) if isinstance(content, dict) else {}
    if not isinstance(content, dict):
        name = ".".join(table)
        raise ConfigurationError(setting=str(path), problem=f"{name} must be a table: [{name}]")
    return content


def _checked(name: str, value: Any, *, setting: str) -> Any:
    known = [field.name for field in fields(Prices)]
    if name not in known:
        problem = f"no such price; known: {', '.join(known)}"
        raise ConfigurationError(setting=setting, problem=problem)
    if name == "currency":
        if not isinstance(value, str):
            raise ConfigurationError(setting=setting, problem=f"must be text, got {value!r}")
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < 0:
        raise ConfigurationError(setting=setting, problem=f"a number from 0 on, got {value!r}")
    return float(value)
