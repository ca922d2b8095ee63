"""What of a config is the user's."""

from __future__ import annotations

from typing import Any

from pydantic import SecretBytes, SecretStr

from perdure_langgraph.errors import UnserializableStateError

# LangGraph's own keys, and ours, so that its debug stream leaves them out as well.
_PREFIX = "__pregel_"


def own_values(configurable: dict[str, Any]) -> dict[str, Any]:
    """Return what the user has put into ``configurable``."""
    return {key: value for key, value in configurable.items() if not key.startswith(_PREFIX)}


def check_nothing_is_readable(configurable: dict[str, Any]) -> None:
    """Check that there is no secret among the user's values that would be stored as it is.

    Raises:
        UnserializableStateError: There is one of pydantic's.
    """
    for key, value in configurable.items():
        if isinstance(value, SecretStr | SecretBytes):
            what = f"{key!r} in configurable ({type(value).__qualname__})"
            problem = "it would be readable there. Give perdure.Secret(…), which is encrypted"
            raise UnserializableStateError(what=what, problem=problem)
