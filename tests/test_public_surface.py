"""The public names of the packages are the ones we mean, and the errors are the tree they show.

Those of ``perdure`` itself are tested with the API.
"""

from __future__ import annotations

import importlib
import inspect
import re
from types import ModuleType

import pytest

from perdure import errors

PACKAGES = [
    "perdure.embedded",
    "perdure.spi",
    "perdure.stack",
    "perdure.testing",
    "perdure.testing.scripted_model",
]


def _error_classes() -> dict[str, type[BaseException]]:
    return {
        name: value
        for name, value in vars(errors).items()
        if inspect.isclass(value)
        and issubclass(value, BaseException)
        and value.__module__ == errors.__name__
    }


def _tree_of_the_docstring() -> dict[str, tuple[str, str | None]]:
    """Return each error's parent and builtin, as drawn."""
    drawn: dict[str, tuple[str, str | None]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(
            r"^    (?P<indent>[│├└─ ]*)(?P<name>[A-Z]\w+)(?: +(?:\((?P<builtin>\w+)\)|.*))?", line
        )
        if match is None:
            continue
        depth = len(match["indent"]) // 4
        del above[depth:]
        if above:
            drawn[match["name"]] = (above[-1], match["builtin"])
        above.append(match["name"])
    return drawn


def _order(name: str) -> tuple[int, str]:
    """Constants, classes, functions, each by name: as ruff sorts ``__all__``."""
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return kind, name


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_sorted_and_every_name_is_real(package: str) -> None:
    module = importlib.import_module(package)
    assert list(module.__all__) == sorted(module.__all__, key=_order)
    assert len(set(module.__all__)) == len(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_all_holds_every_public_name(package: str) -> None:
    module = importlib.import_module(package)
    public = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and name not in {"annotations", "TYPE_CHECKING"}
    }
    assert public == set(module.__all__) - {
        name for name in module.__all__ if isinstance(getattr(module, name), ModuleType)
    }


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    classes = _error_classes()
    drawn = _tree_of_the_docstring()
    assert set(drawn) == set(classes) - {"PerdureError", "CarriesFailure"}
    for name, (parent, builtin) in drawn.items():
        bases = classes[name].__mro__[1:]
        named = [base.__name__ for base in bases if base.__name__ != "CarriesFailure"]
        assert named[0] == parent, f"{name} is drawn under {parent}"
        if builtin is not None:
            assert builtin in named, f"{name} is drawn as a {builtin}"


@pytest.mark.parametrize(
    "name", [name for name, kind in _error_classes().items() if issubclass(kind, Exception)]
)
def test_an_error_that_inherits_a_builtin_is_drawn_with_it(name: str) -> None:
    kind = _error_classes()[name]
    own = {base.__name__ for base in kind.__bases__ if base.__module__ == "builtins"} - {
        "Exception"
    }
    drawn = _tree_of_the_docstring().get(name, ("", None))[1]
    assert own <= {drawn}
