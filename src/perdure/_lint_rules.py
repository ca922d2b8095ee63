"""What a workflow should not do, by the full name of what it uses, and what to do instead."""

from __future__ import annotations

from dataclasses import dataclass

NOW = "use perdure.now()"
RANDOM = "use perdure.random()"
UUID = "use perdure.uuid4()"
ACTIVITY = "move it into an activity and await that"
ARGUMENT = "read it in an activity, or pass it as an argument"
SORT = "sort it first: sorted(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is wrong with using something, and the remedy."""

    name: str
    remedy: str


CLOCK = Rule(name="clock", remedy=NOW)
CHANCE = Rule(name="random", remedy=RANDOM)
UNIQUE = Rule(name="random", remedy=UUID)
SLEEP = Rule(name="sleep", remedy="use await asyncio.sleep(…), a durable timer")
IO = Rule(name="io", remedy=ACTIVITY)
THREAD = Rule(name="thread", remedy="use asyncio tasks here, and an activity for work that blocks")
ENVIRONMENT = Rule(name="state", remedy=ARGUMENT)
STATE = Rule(name="state", remedy="keep it in local variables, or pass it as an argument")
SETS = Rule(name="sets", remedy=SORT)
ADDRESS = Rule(
    name="address", remedy="it differs from process to process; use a field of the value"
)

NAMES = ("address", "clock", "io", "random", "sets", "sleep", "state", "thread")
"""Every rule, by the name that a suppression gives."""

# Wrong to use at all, called or handed on.
_USED = {
    **dict.fromkeys(
        (
            "time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns",
            "time.perf_counter", "time.perf_counter_ns", "time.process_time", "time.clock_gettime",
            "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today",
            "datetime.date.today",
        ),
        CLOCK,
    ),
    **dict.fromkeys(("uuid.uuid1", "uuid.uuid4", "uuid.uuid6", "uuid.uuid7"), UNIQUE),
    **dict.fromkeys(("os.urandom", "os.getrandom"), CHANCE),
    **dict.fromkeys(("os.environ", "os.getenv", "os.environb"), ENVIRONMENT),
    "time.sleep": SLEEP,
}  # fmt: skip

# Wrong to call.
_CALLED = {
    **dict.fromkeys(
        (
            "builtins.input", "builtins.open", "io.open", "codecs.open",
            "os.getcwd", "os.kill", "os.listdir", "os.makedirs", "os.mkdir", "os.open", "os.popen",
            "os.remove", "os.rename", "os.replace", "os.rmdir", "os.scandir", "os.stat",
            "os.system", "os.unlink", "os.walk", "os.path.exists", "os.path.getmtime",
            "os.path.getsize", "os.path.isdir", "os.path.isfile",
            "glob.glob", "glob.iglob", "pathlib.Path.cwd", "pathlib.Path.home",
            "sqlite3.connect", "psycopg.connect", "psycopg2.connect", "pymysql.connect",
            "asyncpg.connect", "asyncpg.create_pool", "redis.Redis", "redis.asyncio.Redis",
            "pymongo.MongoClient", "boto3.client", "boto3.resource", "boto3.Session",
            "socket.socket", "httpx.Client", "httpx.AsyncClient", "requests.Session",
            "aiohttp.ClientSession", "urllib3.PoolManager", "smtplib.SMTP",
            "asyncio.open_connection", "asyncio.open_unix_connection", "asyncio.start_server",
            "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell",
            "subprocess.Popen",
        ),
        IO,
    ),
    **dict.fromkeys(
        (
            "asyncio.to_thread", "asyncio.run", "threading.Thread", "threading.Timer",
            "concurrent.futures.ThreadPoolExecutor", "concurrent.futures.ProcessPoolExecutor",
            "multiprocessing.Process", "multiprocessing.Pool",
        ),
        THREAD,
    ),
    **dict.fromkeys(("builtins.id", "builtins.hash"), ADDRESS),
    **dict.fromkeys(("random.SystemRandom", "numpy.random.SystemRandom"), CHANCE),
}  # fmt: skip

# Wrong to call without (enough) arguments: then they ask the clock, or seed themselves.
_CALLED_WITH_FEWER = {
    "time.localtime": (1, CLOCK),
    "time.gmtime": (1, CLOCK),
    "time.ctime": (1, CLOCK),
    "time.asctime": (1, CLOCK),
    "time.strftime": (2, CLOCK),
    "random.Random": (1, CHANCE),
    "numpy.random.default_rng": (1, CHANCE),
    "numpy.random.RandomState": (1, CHANCE),
}

# Functions of a module, all of them: begin with a small letter.
_USED_MODULES = {"random": CHANCE, "secrets": CHANCE, "numpy.random": CHANCE}
_CALLED_MODULES = dict.fromkeys(
    ("httpx", "requests", "shutil", "socket", "subprocess", "tempfile", "urllib.request"), IO
)

# Methods whose name says enough, whatever they are called on.
_METHODS = {
    **dict.fromkeys(("read_bytes", "read_text", "write_bytes", "write_text"), IO),
    "run_in_executor": THREAD,
}
_METHODS_OF_PATHS = frozenset(
    [
        "exists",
        "glob",
        "is_dir",
        "is_file",
        "iterdir",
        "mkdir",
        "open",
        "rename",
        "replace",
        "resolve",
        "rglob",
        "rmdir",
        "stat",
        "touch",
        "unlink",
    ]
)


def of_use(name: str) -> Rule | None:
    """Return the rule against using ``name``, called or not."""
    module, _, attribute = name.rpartition(".")
    if name in _USED or name in _CALLED_WITH_FEWER:
        return _USED.get(name)
    return _USED_MODULES.get(module) if attribute[:1].islower() else None


def of_call(name: str, *, argument_count: int) -> Rule | None:
    """Return the rule against calling ``name``."""
    if name in _CALLED_WITH_FEWER:
        wanted, rule = _CALLED_WITH_FEWER[name]
        return rule if argument_count < wanted else None
    module, _, attribute = name.rpartition(".")
    if name in _CALLED:
        return _CALLED[name]
    return _CALLED_MODULES.get(module) if attribute[:1].islower() else None


def of_method(method: str, *, receiver: str | None) -> Rule | None:
    """Return the rule against a method; ``receiver`` is the full name of the class, if known."""
    if receiver == "pathlib.Path" and method in _METHODS_OF_PATHS:
        return IO
    return _METHODS.get(method)
