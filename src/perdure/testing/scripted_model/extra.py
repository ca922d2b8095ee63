"""The packages that the server needs beyond perdure's own."""

from __future__ import annotations

import importlib.util

from perdure.errors import ConfigurationError


def require_extra() -> None:
    """Check that the server's packages are there.

    Raises:
        ConfigurationError: They are not.
    """
    missing = [name for name in ("starlette", "uvicorn") if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            setting="scripted model",
            problem=f"{' and '.join(missing)} not installed; pip install 'perdure[scripted-model]'",
        )
