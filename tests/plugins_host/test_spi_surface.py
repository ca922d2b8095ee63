"""The seam stays narrow and asynchronous, and every method of it says what it promises."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from perdure import errors
from perdure.spi import Backend, BackendWorker, Capability

MOST: dict[type, int] = {Backend: 16, BackendWorker: 4}
PLAIN = {"capabilities", "worker"}  # they do no I/O
BUILTIN_ERRORS = {"TimeoutError", "ValueError"}


def members(kind: type) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(kind).items()
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
    }


METHODS = [(kind, name) for kind in MOST for name in members(kind)]


@pytest.mark.parametrize("kind", MOST)
def test_the_seam_is_narrow(kind: type) -> None:
    assert 0 < len(members(kind)) <= MOST[kind]


@pytest.mark.parametrize(("kind", "name"), METHODS)
def test_every_method_is_a_coroutine_with_a_contract(kind: type, name: str) -> None:
    method = members(kind)[name]

    assert name in PLAIN or inspect.iscoroutinefunction(method)
    assert len(inspect.getdoc(method) or "") > 40
    raised = re.findall(r"^ {4}(\w+(?:Error)):", inspect.getdoc(method) or "", re.MULTILINE)
    assert [e for e in raised if not hasattr(errors, e) and e not in BUILTIN_ERRORS] == []


@pytest.mark.parametrize("name", ["suspend", "resume", "restart", "query", "history"])
def test_an_optional_method_names_its_capability(name: str) -> None:
    text = inspect.getdoc(getattr(Backend, name)) or ""

    assert re.search(r"apability\s+``[A-Z_]+``", text)
    assert not getattr(getattr(Backend, name), "__isabstractmethod__", False)


def test_every_capability_is_explained() -> None:
    text = inspect.getdoc(Capability) or ""

    assert [c.name for c in Capability if f"    {c.name}: " not in text] == []
