"""The types that a function declares, with names resolved."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

from perdure.errors import PayloadError

if TYPE_CHECKING:
    from collections.abc import Callable


def hints_of(function: Callable[..., Any], *, what: str) -> dict[str, Any]:
    """Return the annotations of ``function`` by parameter name, and ``return``.

    Raises:
        PayloadError: One names something that its module does not know when it runs.
    """
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as err:
        problem = (
            f"its annotation names {err.name!r}, which cannot be found when the program runs; "
            "import or define it at the top of the module, not under TYPE_CHECKING and not inside "
            "a function"
        )
        raise PayloadError(what=what, problem=problem) from err
    except Exception as err:  # an annotation is code, and may raise anything
        problem = f"its annotations cannot be evaluated: {type(err).__name__}: {err}"
        raise PayloadError(what=what, problem=problem) from err


def return_hint(function: Callable[..., Any], *, what: str) -> Any:
    """Return what ``function`` declares to return; ``Any`` if it does not say.

    Raises:
        PayloadError: As :func:`hints_of`.
    """
    hint = hints_of(function, what=what).get("return", Any)
    # What never returns has no value; "None" can be stored, "Never" has no schema.
    return None if hint is typing.NoReturn or hint is typing.Never else hint
