"""A whole backend on one append-only file, ``toy:///path``; docs/write-a-backend.md explains it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from perdure import spi

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Instance:
    """The current run of an instance. What it was told is its inbox, beginning with its start."""

    inbox: list[Any] = field(default_factory=list)
    taken: int = 0  # how much of the inbox the executor has had
    journal: list[Any] = field(default_factory=list)
    created_us: int = 0
    shows: str | None = None
    stalled: str | None = None

    @property
    def run(self) -> spi.WorkflowStarted:
        return self.inbox[0]  # type: ignore[no-any-return]  # always its first input

    @property
    def is_idle(self) -> bool:
        return self.stalled is not None or spi.end_of(self.journal) is not None

    @property
    def info(self) -> spi.InstanceInfo:
        more = {"custom_status_json": self.shows, "stalled": self.stalled}
        return spi.instance_info(self.run, self.journal, created_us=self.created_us, **more)


class Log:
    """The file. A line is a list of ``[instance_id, changes]`` that were made together."""

    def __init__(self, path: str) -> None:
        self.file = open(path, "a+b")  # noqa: SIM115 - the backend closes it
        self.instances, self.size, self.line = dict[str, Instance](), 0, list[Any]()

    def read(self) -> None:
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
                self.instances, self.size, self.line = {}, 0, []
            fcntl.flock(self.file, fcntl.LOCK_UN)

    def put(self, instance_id: str, **changes: Any) -> None:
        """Change an instance: lists grow, other fields are replaced; no changes purge it."""
        text = json.dumps([instance_id, changes], default=spi.encode_event)
        self.line.append(json.loads(text))
        self._apply(*self.line[-1])

    def _apply(self, instance_id: str, changes: dict[str, Any]) -> None:
        if not changes:
            self.instances.pop(instance_id, None)
            return
        instance = self.instances.setdefault(instance_id, Instance())
        for name, value in changes.items():
            if isinstance(value, list):
                getattr(instance, name).extend(map(spi.decode_event, value))
            else:
                setattr(instance, name, value)

    def begin(self, run: spi.WorkflowStarted, *rest: Any, created_us: int | None = None) -> None:
        self.put(run.instance_id)
        self.put(run.instance_id, inbox=[run, *rest], created_us=created_us or run.at_us)

    def change(self, run: spi.WorkflowStarted | spi.ParentLink, **changes: Any) -> None:
        """Change an instance if that run of it goes on, and others as its new entries have it."""
        found = self.instances.get(run.instance_id)
        if found and found.run.run_id == run.run_id and not spi.end_of(found.journal):
            self.put(run.instance_id, **changes)
            for entry in changes.get("journal", ()):
                self._follow(found, found.run, entry)

    def _follow(self, instance: Instance, run: spi.WorkflowStarted, entry: Any) -> None:
        if isinstance(entry, spi.ChildStarted) and entry.instance_id in self.instances:
            self.change(run, inbox=[spi.child_refused(entry)])
        elif isinstance(entry, spi.ChildStarted):
            self.begin(spi.child_run(run, entry, run_id=uuid4().hex))
        elif isinstance(entry, spi.ContinuedAsNew):
            events = instance.inbox[instance.taken :]
            rest = [event for event in events if isinstance(event, spi.EventReceived)]
            following = spi.next_run(run, entry, run_id=uuid4().hex)
            self.begin(following, *rest, created_us=instance.created_us)
        elif isinstance(entry, (spi.Completed, spi.Failed, spi.Terminated)):
            if run.parent:
                self.change(run.parent, inbox=[spi.child_ended(run.parent.command_id, entry)])
            for started in spi.tied_children(instance.journal):
                child = self.instances.get(started.instance_id)
                if child and child.run.parent and child.run.parent.run_id == run.run_id:
                    end = spi.Terminated(at_us=entry.at_us, reason="its parent has ended")
                    self.change(child.run, journal=[end])


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

    def find(self, instance_id: str) -> Instance:
        self.log.read()
        if instance_id not in self.log.instances:
            raise spi.InstanceNotFoundError(instance_id=instance_id)
        return self.log.instances[instance_id]

    async def start(self, request: spi.StartRequest) -> spi.InstanceInfo:
        spi.check_declared(self, request)
        with self.log.write():
            found = self.log.instances.get(request.instance_id)
            if spi.must_start(request, found and found.info):
                self.log.begin(spi.first_run(request, run_id=uuid4().hex, at_us=self.now_us()))
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
        self.backend, self.program, self.log = backend, program, backend.log
        self.executors: dict[str, spi.Executor] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self.lock = open(f"{self.backend.path}.lock", "w")  # noqa: SIM115, ASYNC230 - see drain
        self.loop = asyncio.create_task(self._work())
        self.tasks.add(self.loop)

    async def drain(self, *, timeout: timedelta) -> None:
        if self.tasks:
            self.loop.cancel()
            _, late = await asyncio.wait(self.tasks, timeout=timeout.total_seconds())
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            for executor in self.executors.values():
                executor.close()
            self.lock.close()

    async def stop(self) -> None:
        await self.drain(timeout=timedelta())

    async def _work(self) -> None:
        has_lock = False
        while not has_lock:
            await asyncio.sleep(0.01)
            with suppress(BlockingIOError):
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                has_lock = True
        for each in self._known():
            self._change(each.run, stalled=None)
        while True:
            busy = [each for each in self._known() if not each.is_idle]
            for run_id in self.executors.keys() - {each.run.run_id for each in busy}:
                self.executors.pop(run_id).close()
            for each in busy:
                try:
                    self._advance(each, each.run)
                except spi.STALLING_ERRORS as error:
                    self._change(each.run, stalled=str(error))
            await asyncio.sleep(0.005)

    def _known(self) -> list[Instance]:
        self.log.read()
        known = self.program.workflows
        return [each for each in self.log.instances.values() if each.run.workflow in known]

    def _change(self, run: spi.WorkflowStarted, **changes: Any) -> None:
        with self.log.write():
            self.log.change(run, **changes)

    def _advance(self, instance: Instance, run: spi.WorkflowStarted) -> None:
        to_do: list[spi.ActivityScheduled] = []
        if run.run_id not in self.executors:
            executor = self.program.rebuild(run.workflow, instance.journal)
            self.executors[run.run_id] = executor
            to_do += executor.open_activities()
            if lost := spi.outcomes_unknown(to_do, at_us=self.backend.now_us()):
                self._change(run, inbox=lost)
        executor = self.executors[run.run_id]
        inputs = instance.inbox[instance.taken :]
        entries, count = spi.feed(executor, inputs, at_us=self.backend.now_us())
        if entries or count:
            taken, shows = instance.taken + count, executor.custom_status_json
            self._change(run, taken=taken, shows=shows, journal=entries)
        is_open = {each.id for each in executor.open_activities()}
        to_do += [each for each in entries if isinstance(each, spi.ActivityScheduled)]
        for activity in to_do:
            if activity.id in is_open and not instance.is_idle:
                task = asyncio.create_task(self._run(run, activity))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    async def _run(self, run: spi.WorkflowStarted, activity: spi.ActivityScheduled) -> None:
        try:
            now_us = self.backend.now_us
            event = await spi.run_activity(self.program, run, activity, now_us=now_us)
            self._change(run, inbox=[event])
        except spi.STALLING_ERRORS as error:
            self._change(run, stalled=str(error))
