"""Each rule finds what it is for, on its line, and leaves alone what only looks like it."""

from __future__ import annotations

import pytest

from tests.lint.checking import expected_and_found, workflow

CLOCK = """
a = time.time()  # bad: clock
b = datetime.now()  # bad: clock
c = datetime.now(tz=None)  # bad: clock
d = date.today()  # bad: clock
e = field(default_factory=datetime.utcnow)  # bad: clock
f = time.localtime()  # bad: clock
g = time.strftime("%H")  # bad: clock
h = time.monotonic() - time.perf_counter()  # bad: clock
i = await quote(str(time.time_ns()))  # bad: clock
ok = time.localtime(0), time.strftime("%H", time.gmtime(0)), datetime.fromtimestamp(1)
ok = perdure.now(), asyncio.get_running_loop().time(), datetime(2020, 1, 1)
limit: datetime = perdure.now()
"""
CHANCE = """
a = random.choice([1, 2])  # bad: random
b = uuid.uuid4()  # bad: random
c = os.urandom(8)  # bad: random
d = secrets.token_hex()  # bad: random
e = random.Random()  # bad: random
random.shuffle(rest)  # bad: random
ids = [uuid.uuid1().hex for _ in rest]  # bad: random
import numpy as np
f = np.random.rand(3)  # bad: random
g = np.random.default_rng()  # bad: random
ok = random.Random(17), perdure.random().choice([1]), perdure.uuid4(), uuid.uuid5(x, "y")
ok = np.random.default_rng(17), isinstance(x, random.Random)
def inner(source: random.Random) -> uuid.UUID: ...
"""
SLEEP_AND_IO = """
time.sleep(1)  # bad: sleep
with open("x") as file: ...  # bad: io
text = Path("x").read_text()  # bad: io
text = city.read_bytes()  # bad: io
import httpx, requests, subprocess, pathlib
from pathlib import Path as P
r = requests.get("https://example.org")  # bad: io
async with httpx.AsyncClient() as client: ...  # bad: io
subprocess.run(["ls"])  # bad: io
found = P("x").exists()  # bad: io
names = os.listdir(".")  # bad: io
await asyncio.to_thread(print)  # bad: thread
await asyncio.get_running_loop().run_in_executor(None, print)  # bad: thread
answer = input()  # bad: io
await asyncio.sleep(1)
ok = os.path.join("a", "b"), P("a") / "b", P("a").name, text.rename("z"), text.exists()
try: ...
except (requests.HTTPError, httpx.TimeoutException): ...
"""
STATE_OF_PROCESS = """
a = os.environ["HOME"]  # bad: state
b = os.getenv("HOME")  # bad: state
c = id(city)  # bad: address
d = hash(city)  # bad: address
d = {city: 1}[city], hash
"""


@pytest.mark.parametrize("body", [CLOCK, CHANCE, SLEEP_AND_IO, STATE_OF_PROCESS])
def test_what_cannot_be_replayed_is_found_on_its_line(body: str) -> None:
    expected, found = expected_and_found(workflow(body))

    assert expected
    assert found == expected


def test_names_are_followed_through_imports() -> None:
    code = """
    from time import time as moment, sleep
    from random import choice
    import datetime as dt
    from uuid import uuid4
    from os import environ

    @app.workflow(patches=("x",))
    async def plan():
        moment()  # bad: clock
        dt.datetime.now()  # bad: clock
        choice([1])  # bad: random
        uuid4()  # bad: random
        sleep(1)  # bad: sleep
        from time import monotonic
        monotonic()  # bad: clock
        environ["A"]  # bad: state
        now()
    """
    expected, found = expected_and_found(code)

    assert found == expected


def test_a_name_that_means_something_else_here_is_left_alone() -> None:
    code = """
    from .clocks import time as own, datetime as dt

    def open(name): return name

    @app.workflow
    async def plan(time, random, id):
        time.time(), random.choice([1]), time.sleep(3), id(3), open("x"), own.time(), dt.now()
        uuid = await quote("a")
        uuid.uuid4()
        hash = lambda value: 3
        return hash(3)

    async def elsewhere():
        import time as uuid
    """
    assert expected_and_found(code) == ([], [])


def test_only_workflows_and_what_they_use_are_looked_at() -> None:
    code = """
    def helper(): return deeper()
    def deeper(): return time.time()  # bad: clock
    def unused(): return time.time()
    async def asynchronous(): time.sleep(1)  # bad: sleep
    def handed_on(value): return uuid.uuid4()  # bad: random

    @app.activity(timeout=None)
    def reads(): return open("x").read(), time.time()

    @other.workflow
    async def elsewhere():
        return random.random()  # bad: random

    class Tool:
        def helper(self): return time.time()

    @app.workflow(name="plan")
    async def plan():
        await asyncio.gather(asynchronous(), reads())
        return helper(), list(map(handed_on, [1])), Tool().helper()

    async def main():
        time.sleep(1)
    """
    expected, found = expected_and_found(code)

    assert found == expected


def test_a_workflow_made_without_a_decorator_or_within_a_function_is_found() -> None:
    code = """
    async def plan(): time.time()  # bad: clock
    app.workflow(plan)

    async def other(): time.time()  # bad: clock
    again = app.workflow(name="other")(other)

    def make(registry):
        def local(): return random.random()  # bad: random
        @registry.workflow
        async def inner():
            @registry.activity
            async def own(): return time.time()
            return local()
    """
    expected, found = expected_and_found(code)

    assert found == expected


def test_workflows_of_other_libraries_are_none_of_ours() -> None:
    code = """
    import dbos
    theirs = dbos.DBOS()

    @theirs.workflow()
    async def plan(): return time.time()
    """
    assert expected_and_found(code) == ([], [])


def test_global_variables_that_change_are_found() -> None:
    code = """
    CACHE = {}
    SEEN: list[str] = []
    LIMITS = {"Oslo": 3}
    count = 0

    def remember(): CACHE["x"] = 1

    @app.workflow
    async def plan(city):
        global count  # bad: state
        count += 1
        SEEN.append(city)  # bad: state
        if city in CACHE:  # bad: state
            del CACHE[city]  # bad: state
        own = {}
        own[city] = LIMITS[city]
        own.update(LIMITS)
        city.field = 3
        return LIMITS["Oslo"], app.name
    """
    expected, found = expected_and_found(code)

    assert found == expected
