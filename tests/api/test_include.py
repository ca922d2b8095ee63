"""Including one registry in another: everything, live, or nothing."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from perdure import DuplicateNameError, Registry
from perdure._program import RegistryProgram


async def first() -> int:
    return 1


async def second() -> int:
    return 2


def test_takes_in_what_is_there_and_what_comes_later() -> None:
    app, library = Registry(), Registry()
    early = library.activity(first)

    app.include(library)
    late = library.workflow(second)

    assert app.find_activity("first") is early
    assert app.find_workflow("second") is late


def test_does_not_flow_upwards() -> None:
    app, library = Registry(), Registry()
    app.include(library)

    app.activity(first)

    assert not library.activities


def test_checks_before_work_come_along_and_are_made_once() -> None:
    app, library = Registry(), Registry()
    made: list[str] = []
    library.before_work(lambda: made.append("early"))
    app.include(library)
    app.include(library)
    library.before_work(lambda: made.append("late"))

    RegistryProgram(app).close()

    assert made == ["early", "late"]


def test_a_check_that_raises_keeps_a_worker_from_starting() -> None:
    def check() -> None:
        raise ValueError("something is missing")

    app = Registry()
    app.before_work(check)
    with pytest.raises(ValueError, match="something is missing"):
        RegistryProgram(app)


def test_what_is_included_serves_the_workflows_of_who_includes_it() -> None:
    app, library, other = Registry(), Registry(), Registry()
    app.include(library)
    own, included = app.workflow(first), library.workflow(second)

    assert library.serves(own)
    assert app.serves(included)
    assert not other.serves(own)
    assert not library.serves(own.with_options(name="second"))


def test_reaches_through_several_levels() -> None:
    app, middle, library = Registry(), Registry(), Registry()
    middle.include(library)
    app.include(middle)

    library.activity(first)

    assert "first" in app.activities


def test_conflict_takes_in_nothing() -> None:
    app, library = Registry(), Registry()
    app.activity(name="taken")(first)
    library.activity(name="free")(second)
    library.activity(name="taken")(second)

    with pytest.raises(DuplicateNameError, match="'taken'"):
        app.include(library)

    assert list(app.activities) == ["taken"]


def test_later_conflict_registers_nowhere() -> None:
    app, library = Registry(), Registry()
    app.include(library)
    app.activity(name="taken")(first)

    with pytest.raises(DuplicateNameError, match="'taken'"):
        library.activity(name="taken")(second)

    assert not library.activities


def test_same_function_on_both_sides_is_no_conflict() -> None:
    app, library = Registry(), Registry()
    app.activity(first)
    library.activity(first)

    app.include(library)

    assert list(app.activities) == ["first"]


def test_registries_may_include_one_another_and_themselves() -> None:
    one, other = Registry(), Registry()
    one.include(other)
    other.include(one)
    one.include(one)

    one.activity(first)
    other.activity(second)

    assert sorted(one.activities) == sorted(other.activities) == ["first", "second"]


def test_included_registry_keeps_no_app_alive() -> None:
    app, library = Registry(), Registry()
    app.include(library)
    gone = weakref.ref(app)

    del app
    gc.collect()

    assert gone() is None


def test_what_is_no_registry_is_refused() -> None:
    nothing: Any = {"first": first}

    with pytest.raises(TypeError, match=r"perdure\.Registry is wanted, not dict"):
        Registry().include(nothing)
