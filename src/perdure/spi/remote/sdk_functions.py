"""Functions of an SDK as they are, but for some names that they find among their module's."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def with_names(function: Callable[..., Any], **names: object) -> Callable[..., Any]:
    """Return a function of an SDK that finds other things under some names.

    It looks them up among the globals of its module, where others must find the SDK's own.
    """
    assert isinstance(function, FunctionType)
    known = {**function.__globals__, **names}
    return FunctionType(
        function.__code__, known, function.__name__, function.__defaults__, function.__closure__
    )
