"""Going through a set in its order is found; what does not depend on the order is left alone."""

from __future__ import annotations

import pytest

from tests.lint.checking import expected_and_found, workflow

FOUND = """
names = {city, "b"}
for name in names: ...  # bad: sets
for name in {"a", "b"}: ...  # bad: sets
a = [await quote(name) for name in set(rest)]  # bad: sets
b = list(names | {"c"})  # bad: sets
c = ",".join(names)  # bad: sets
d = await asyncio.gather(*(quote(name) for name in names))  # bad: sets
e = await asyncio.gather(*{quote("a"), quote("b")})  # bad: sets
f = names.pop()  # bad: sets
g, h = names  # bad: sets
i = next(iter(names))  # bad: sets
j = {name: 1 for name in names.union(rest)}  # bad: sets
k = dict.fromkeys(names)  # bad: sets
later: "set[str]" = await quote("x")
for name in later: ...  # bad: sets
found = set()
found.add(city)
for name in found: ...  # bad: sets
def inner(given: frozenset[str]):
    return [x for x in given]  # bad: sets
"""
LEFT_ALONE = """
names = {city, "b"}
for name in sorted(names): ...
a = sorted(name.upper() for name in names), sum(len(name) for name in names)
b = {name.upper() for name in names}, set(names), names | {"x"}, {*names, "c"}
c = len(names), max(names), all(name for name in names), city in names
for number in {1, 2, 3}: ...
for number in set(range(3)): ...
done, pending = await asyncio.wait([asyncio.create_task(quote("a"))])
for task in done: task.result()
tasks = {asyncio.create_task(quote(name)) for name in rest}
for task in tasks: await task
more = set()
more.add(asyncio.create_task(quote("a")))
for task in more: await task
waited = {quote(name) for name in rest}
for task in asyncio.as_completed(waited): await task
typed: set[asyncio.Task[int]] = set(rest)
for task in typed: await task
numbers: set[int] = set()
for number in numbers: ...
values = {"a"}
values = sorted(values)
for value in values: ...
mapping = {"a": 1}
for key in mapping: mapping.pop(key)
rows = rest
rows.pop()
(only,) = names
"""


def test_going_through_a_set_is_found() -> None:
    expected, found = expected_and_found(workflow(FOUND))

    assert expected
    assert found == expected


def test_what_has_an_order_or_needs_none_is_left_alone() -> None:
    assert expected_and_found(workflow(LEFT_ALONE)) == ([], [])


@pytest.mark.parametrize("value", ['{"a", "b"}', 'frozenset(["a"])', "{n for n in 'ab'}"])
def test_a_set_of_the_module_is_one_too(value: str) -> None:
    code = f"CITIES = {value}\n" + workflow("for city in CITIES: ...  # bad: sets")
    expected, found = expected_and_found(code)

    assert found == expected
