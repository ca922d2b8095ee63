"""A whole backend on one append-only file, ``toy:///path``; docs/write-a-backend.md explains it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from perdure import spi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta


class Log:
    """The file. A line is a list of ``[instance_id, changes]`` that were made together."""

    def __init__(self, path: str) -> None:
        self.file = open(path, "a+b")  # noqa: SIM115 - the backend closes it
        self.runs, self.size, self.line = dict[str, spi.RunRecord](), 0, list[Any]()

    def read(self) -> None:
        if self.file.closed:
            raise spi.BackendUnavailableError(backend="toy", problem="it is closed")
        text = os.pread(self.file.fileno(), os.fstat(self.file.fileno()).st_size, self.size)
        for line in text.splitlines(keepends=True):
            if line.endswith(b"\n"):  # else its writer is at it, or was killed
                self.size += len(line)
                for instance_id, changes in json.loads(line):
                    self._apply(instance_id, changes)

    @contextmanager
    def write(self) -> Iterator[None]:
        """Write what is put within, all or nothing; one process at a time."""
        fcntl.flock(self.file, fcntl.LOCK_EX)
        try:
            self.read()
            yield
            if self.line:
                self.file.truncate(self.size)  # half a line
                self.size += self.file.write(json.dumps(self.line).encode() + b"\n")
                self.file.flush()
                os.fsync(self.file.fileno())
                self.line = []
        finally:
            if self.line:  # not written: what was read is all there is
                self.runs, self.size, self.line = {}, 0, []
            fcntl.flock(self.file, fcntl.LOCK_UN)

    def put(self, instance_id: str, **changes: Any) -> None:
        """Change an instance: lists grow, other fields are replaced; no changes purge it."""
        self.line.append(json.loads(json.dumps([instance_id, changes], default=spi.encode_event)))
        self._apply(*self.line[-1])

    def _apply(self, instance_id: str, changes: dict[str, Any]) -> None:
        if changes:
            self.runs.setdefault(instance_id, spi.RunRecord()).update(changes)
        else:
            self.runs.pop(instance_id, None)

    def begin(self, inbox: list[Any], **fields: Any) -> None:
        """Put a new run in the place of what has that id."""
        self.put(inbox[0].instance_id)
        self.put(inbox[0].instance_id, inbox=inbox, **fields)

    def change(self, run: spi.WorkflowStarted | spi.ParentLink, **changes: Any) -> None:
        """Change an instance if that run of it goes on, and others as its new entries have it."""
        record = self.runs.get(run.instance_id)
        if record and record.run.run_id == run.run_id and not record.end:
            self.put(run.instance_id, **changes)
            for entry in changes.get("journal", ()):
                self._follow(record, entry)

    def _follow(self, record: spi.RunRecord, entry: Any) -> None:
        if isinstance(entry, spi.ChildStarted) and entry.instance_id in self.runs:
            self.change(record.run, inbox=[spi.child_refused(entry)])
        elif isinstance(entry, spi.ChildStarted):
            self.begin([spi.child_run(record.run, entry, run_id=uuid4().hex)])
        elif isinstance(entry, spi.ContinuedAsNew):
            self.begin(**record.following(entry, run_id=uuid4().hex))
        elif isinstance(entry, spi.Completed | spi.Failed | spi.Terminated):
            if parent := record.run.parent:
                self.change(parent, inbox=[spi.child_ended(parent.command_id, entry)])
            end = spi.Terminated(at_us=entry.at_us, reason="its parent has ended")
            for tied in filter(record.is_tied, list(self.runs.values())):
                self.change(tied.run, journal=[end])


class ToyBackend(spi.Backend):
    name = "toy"
    capabilities = frozenset()

    def __init__(self, url: str, *, clock: Any = None) -> None:
        self.path = url.partition("://")[2] or "perdure-toy.jsonl"
        self.now_us = clock.now_us if clock else lambda: time.time_ns() // 1_000

    async def open(self) -> None:
        self.log = Log(self.path)

    async def close(self) -> None:
        self.log.file.close()

    def worker(self, program: spi.Program) -> spi.BackendWorker:
        return ToyWorker(self, program)

    def find(self, instance_id: str) -> spi.RunRecord:
        self.log.read()
        if instance_id not in self.log.runs:
            raise spi.InstanceNotFoundError(instance_id=instance_id)
        return self.log.runs[instance_id]

    async def start(self, request: spi.StartRequest) -> spi.InstanceInfo:
        spi.check_declared(self, request)
        with self.log.write():
            found = self.log.runs.get(request.instance_id)
            if spi.must_start(request, found.info if found else None):
                run = spi.first_run(request, run_id=uuid4().hex, at_us=self.now_us())
                self.log.begin([run])
        return self.find(request.instance_id).info

    async def get(self, instance_id: str) -> spi.InstanceInfo:
        return self.find(instance_id).info

    async def wait(self, instance_id: str, *, timeout: timedelta | None) -> spi.InstanceInfo:
        async with asyncio.timeout(None if timeout is None else timeout.total_seconds()):
            while not self.find(instance_id).is_idle:
                await asyncio.sleep(0.01)
        return self.find(instance_id).info

    async def raise_event(self, instance_id: str, name: str, payload: str) -> None:
        event = spi.EventReceived(at_us=self.now_us(), name=name, payload=payload)
        with self.log.write():
            found = self.find(instance_id)
            spi.check_active(found.info, action="raise an event for")
            self.log.change(found.run, inbox=[event])

    async def terminate(self, instance_id: str, *, reason: str) -> None:
        with self.log.write():
            end = spi.Terminated(at_us=self.now_us(), reason=reason)
            self.log.change(self.find(instance_id).run, journal=[end])

    async def purge(self, instance_id: str) -> None:
        with self.log.write():
            spi.check_finished(self.find(instance_id).info, action="purge")
            self.log.put(instance_id)


class ToyWorker(spi.BackendWorker):
    """Of all workers one runs everything, and the others wait for its lock."""

    def __init__(self, backend: ToyBackend, program: spi.Program) -> None:
        self.keeper = spi.RunKeeper(program, now_us=backend.now_us)
        self.log, self.tasks, self.closing = backend.log, spi.WorkerTasks(), ExitStack()

    async def start(self) -> None:
        path = f"{self.log.file.name}.lock"
        self.lock = self.closing.enter_context(open(path, "w"))  # noqa: ASYNC230, SIM115
        self.tasks.start_loop(self._work())

    async def drain(self, *, timeout: timedelta) -> None:
        await self.tasks.drain(timeout)
        self.keeper.close()
        self.closing.close()  # and so lets go of the lock, when no code runs any more

    async def _work(self) -> None:
        while not self._has_lock():
            await asyncio.sleep(0.01)
        with self.log.write():
            for record in self.keeper.known(self.log.runs.values()):
                self.log.change(record.run, stalled=None)
        while True:
            self.log.read()
            for record in self.keeper.busy(self.log.runs.values()):
                step = self.keeper.step(record)
                if step.changes:
                    self._change(record.run, **step.changes)
                for activity in () if record.is_idle else step.activities:
                    self.tasks.start(self._run(record.run, activity))
            await asyncio.sleep(0.005)

    def _has_lock(self) -> bool:
        with suppress(BlockingIOError):
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    async def _run(self, run: spi.WorkflowStarted, activity: spi.ActivityScheduled) -> None:
        self._change(run, **await self.keeper.run(run, activity))

    def _change(self, run: spi.WorkflowStarted, **changes: Any) -> None:
        with self.log.write():
            self.log.change(run, **changes)
