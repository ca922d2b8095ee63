"""What the bridge costs beside the SDK's own generators: ``python -m tests.bridge.measure``.

The same program on the same server, first as a native generator, then on the bridge with its runs
kept in memory, then on the bridge with every work item replayed.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from durabletask import task
from durabletask.worker import TaskHubGrpcWorker

from tests.bridge.programs import WatchedBridge, app
from tests.bridge.servers import METADATA, address_of, durable_server, in_memory_server
from tests.bridge.workers import Client, running_worker

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

SIZES = {"chain": "steps", "fan": "width"}
KINDS = ("native", "bridge", "bridge, replaying")
TIMEOUT = 600


def add(context: Any, value: dict[str, int]) -> int:
    """The activity, as the SDK has it."""
    return value["a"] + value["b"]


def chain(context: Any, value: Any) -> Generator[Any, Any, int]:
    """The chain, as the SDK has it."""
    total = 0
    for _ in range(value["steps"]):
        total = yield context.call_activity(add, input={"a": total, "b": 1})
    return total


def fan(context: Any, value: Any) -> Generator[Any, Any, int]:
    """The fan-out, as the SDK has it."""
    calls = [context.call_activity(add, input={"a": i, "b": 1}) for i in range(value["width"])]
    return sum((yield task.when_all(calls)))


@contextlib.contextmanager
def native(address: str) -> Iterator[None]:
    """Run a worker of the SDK's own."""
    worker: Any = TaskHubGrpcWorker(host_address=address, metadata=METADATA)
    worker.add_orchestrator(chain)
    worker.add_orchestrator(fan)
    worker.add_activity(add)
    worker.start()
    try:
        yield
    finally:
        worker.stop()


@contextlib.contextmanager
def stand_in() -> Iterator[str]:
    """Run the stand-in in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder, durable_server(Path(folder)) as server:
        yield address_of(server)


def seconds(client: Client, workflow: str, size: int, *, is_native: bool) -> float:
    """Return how long one instance takes."""
    instance_id = f"{workflow}-{size}-{time.monotonic_ns()}"
    arguments = {SIZES[workflow]: size}
    began = time.monotonic()
    if is_native:
        client.sdk.schedule_new_orchestration(workflow, input=arguments, instance_id=instance_id)
    else:
        client.start(workflow, instance_id, **arguments)
    client.result(instance_id, timeout=TIMEOUT)
    return time.monotonic() - began


def main() -> None:
    """Measure, and print one JSON object a line."""
    wanted = [part.split(":") for part in sys.argv[1:]] or [["chain", "1000"], ["fan", "1000"]]
    for server, begin in {"memory": in_memory_server, "stand-in": stand_in}.items():
        with begin() as address:
            for kind in KINDS:
                with worker_of(kind, address), contextlib.closing(Client(address)) as client:
                    for workflow, size in wanted:
                        took = seconds(client, workflow, int(size), is_native=kind == "native")
                        line = {"server": server, "worker": kind, workflow: int(size)}
                        sys.stdout.write(json.dumps({**line, "seconds": round(took, 2)}) + "\n")
                        sys.stdout.flush()


def worker_of(kind: str, address: str) -> contextlib.AbstractContextManager[None]:
    """Return a worker of one of the kinds."""
    if kind == "native":
        return native(address)
    return running_worker(address, WatchedBridge(app, retain=1_000 if kind == "bridge" else 0))


if __name__ == "__main__":
    main()
