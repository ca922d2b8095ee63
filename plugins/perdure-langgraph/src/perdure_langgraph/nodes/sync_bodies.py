"""Bodies of entrypoints that are plain functions: run again from their start when they have waited.

A plain function cannot be left at ``task(…).result()`` and gone on with later, least of all in
another thread. So it is left for good, by an exception that only this module knows, and called
again once the task is done: it is then told what it was told before, up to where it was.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import dataclasses
import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from langgraph._internal._constants import (
    CONFIG_KEY_CALL,
    CONFIG_KEY_RUNTIME,
    CONFIG_KEY_SCRATCHPAD,
    CONFIG_KEY_SEND,
)

import perdure
from perdure.framework import repeatable
from perdure_langgraph.errors import BodyDiffersError, UnsupportedGraphError
from perdure_langgraph.nodes.task_futures import TaskFuture
from perdure_langgraph.serde import encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    Json = dict[str, Any]


class _Left(BaseException):
    """Leaves a run of the body, which waits for a task."""

    def __init__(self, call: int, timeout: float | None) -> None:
        super().__init__()
        self.call = call
        self.timeout = timeout


@dataclass(frozen=True, slots=True, kw_only=True)
class _Called:
    """A task that the body called: what was asked, and what it comes to."""

    function: Callable[..., Any]
    arguments: str
    inner: asyncio.Future[Any]

    @property
    def name(self) -> str:
        """What the task is called."""
        return self.function.__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waited:
    """A wait of the body that is over: for which call, after how many, and what it was told."""

    call: int
    calls: int
    at: datetime
    done: list[int]


@dataclass(slots=True, kw_only=True)
class _Run:
    """How far one run of the body is."""

    set_clock: Callable[[datetime], None]
    futures: list[TaskFuture] = field(default_factory=list)
    waits: int = 0
    interrupts: int = 0
    left: _Left | None = None
    differs: BodyDiffersError | None = None


class _Once:
    """What the body does beside calling tasks: done when it first comes to it, and not again."""

    def __init__(self, effect: Callable[[Any], Any]) -> None:
        self._effect = effect
        self._ever = 0
        self.now = 0

    def __call__(self, value: Any) -> None:
        self.now += 1
        if self.now > self._ever:
            self._ever = self.now
            self._effect(value)


class PlainBody:
    """The runs of a plain function for one call of its entrypoint."""

    def __init__(self, function: Callable[..., Any], *, entrypoint: str, seed: str) -> None:
        self._function = function
        self._entrypoint = entrypoint
        self._seed = seed
        self._started = perdure.now()
        self._called: list[_Called] = []
        self._waited: list[_Waited] = []
        self._cancelled: dict[int, bool] = {}
        self._interrupts: list[int] = []
        self._answers: dict[int, Any] = {}
        self._effects: list[_Once] = []
        self._run: _Run

    def patch(self, conf: Json) -> Json:
        """Return what is to be in ``configurable`` in the place of what is in ``conf``."""
        runtime, scratchpad = conf[CONFIG_KEY_RUNTIME], conf[CONFIG_KEY_SCRATCHPAD]
        return {
            CONFIG_KEY_CALL: functools.partial(self._call, conf[CONFIG_KEY_CALL]),
            CONFIG_KEY_RUNTIME: runtime.override(stream_writer=self._once(runtime.stream_writer)),
            CONFIG_KEY_SEND: self._once(conf[CONFIG_KEY_SEND]),
            CONFIG_KEY_SCRATCHPAD: dataclasses.replace(
                scratchpad,
                interrupt_counter=functools.partial(self._interrupt, scratchpad.interrupt_counter),
                get_null_resume=functools.partial(self._answer, scratchpad.get_null_resume),
                subgraph_counter=self._refuse_graph,
            ),
        }

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the body until one run comes to its end, and return what that returns.

        Raises:
            BaseException: Whatever the function raises.
            BodyDiffersError: It did something else than the time before.
            UnsupportedGraphError: It catches what it is left by.
        """
        while True:
            with repeatable(self._seed) as set_clock:
                set_clock(self._started)
                run = self._begin(set_clock)
                try:
                    result = self._once_more(args, kwargs)
                except (Exception, _Left):
                    if run.left is None:
                        self._check_end()
                        raise
                    # What a `finally` raises on the way out would not be raised, had it gone on.
                else:
                    if run.left is None:
                        self._check_end()
                        return result
                    raise UnsupportedGraphError(
                        graph=self._entrypoint,
                        what="an entrypoint that is a plain def and catches BaseException",
                        remedy="catch Exception, or make the entrypoint an async def",
                    )
            await self._wait(run.left)

    def _begin(self, set_clock: Callable[[datetime], None]) -> _Run:
        self._run = _Run(set_clock=set_clock)
        for effect in self._effects:
            effect.now = 0
        return self._run

    def _once_more(self, args: Any, kwargs: Any) -> Any:
        # A run may change what it is given, and sets context variables: the next must not see it.
        given = copy.deepcopy(args)
        if "previous" in kwargs:
            kwargs = {**kwargs, "previous": copy.deepcopy(kwargs["previous"])}
        return contextvars.copy_context().run(self._function, *given, **kwargs)

    async def _wait(self, left: _Left) -> None:
        inner = self._called[left.call].inner
        await asyncio.wait({inner}, timeout=left.timeout)
        told = {call for waited in self._waited for call in waited.done}
        done = [n for n, it in enumerate(self._called) if it.inner.done() and n not in told]
        calls = len(self._called)
        self._waited.append(_Waited(call=left.call, calls=calls, at=perdure.now(), done=done))

    # -- what the function does ---------------------------------------------------------------

    def _call(
        self,
        call: Callable[..., asyncio.Future[Any]],
        function: Any,
        arguments: Any,
        **options: Any,
    ) -> TaskFuture:
        """Call a task, or find the call of the run before."""
        run = self._stayed()
        number, name = len(run.futures), function.__name__
        text = encode(arguments, what=f"what task {name!r} is given")
        if number == len(self._called):
            if run.waits < len(self._waited):
                self._differs(self._wait_said(run.waits), f"calls task {name!r}")
            # On Python 3.12 it begins at once, and what it draws the body would not draw.
            with repeatable(f"{self._seed}:{number}"):
                inner = call(function, arguments, **options)
            self._called.append(_Called(function=function, arguments=text, inner=inner))
        known = self._called[number]
        if known.function is not function:
            self._differs(self._call_said(number), f"calls task {name!r}")
        if known.arguments != text:
            self._differs(self._call_said(number), f"calls task {name!r} with other arguments")
        future = TaskFuture(
            number, wait=self._wait_for, cancel=self._cancel, entrypoint=self._entrypoint
        )
        run.futures.append(future)
        return future

    def _wait_for(self, future: TaskFuture, timeout: float | None) -> None:
        """Tell the body what its next wait told it before; leave it if it has not waited yet."""
        run = self._stayed()
        if run.waits == len(self._waited):
            run.left = _Left(future.call, timeout)
            raise run.left
        waited = self._waited[run.waits]
        if (future.call, len(run.futures)) != (waited.call, waited.calls):
            name = self._called[future.call].name
            self._differs(self._wait_said(run.waits), f"waits for task {name!r}")
        run.waits += 1
        run.set_clock(waited.at)
        for call in waited.done:
            run.futures[call].take(self._called[call].inner)

    def _cancel(self, call: int) -> bool:
        self._stayed()
        if call not in self._cancelled:
            self._cancelled[call] = self._called[call].inner.cancel()
        return self._cancelled[call]

    def _interrupt(self, count: Callable[[], int]) -> int:
        """Return the number of an interrupt, the same one in each run."""
        run = self._stayed()
        if run.interrupts == len(self._interrupts):
            self._interrupts.append(count())
        run.interrupts += 1
        return self._interrupts[run.interrupts - 1]

    def _answer(self, take: Callable[[bool], Any], consume: bool = False) -> Any:
        """Return the answer without an id, which is gone from where it was once it is taken."""
        if (number := self._run.interrupts) not in self._answers:
            answer = take(consume)
            if not consume:
                return answer
            self._answers[number] = answer
        return self._answers[number]

    def _refuse_graph(self) -> NoReturn:
        raise UnsupportedGraphError(
            graph=self._entrypoint,
            what="a graph that is called in an entrypoint that is a plain def",
            remedy="call it in a task, or make the entrypoint an async def",
        )

    def _once(self, effect: Callable[[Any], Any]) -> Callable[[Any], None]:
        made = _Once(effect)
        self._effects.append(made)

        def unless_left(value: Any) -> None:
            if self._run.left is None:
                made(value)

        return unless_left

    # -- whether it does it again -------------------------------------------------------------

    def _stayed(self) -> _Run:
        """Return the run that goes on; if it has been left, leave it once more."""
        if (why := self._run.left or self._run.differs) is not None:
            raise why
        return self._run

    def _check_end(self) -> None:
        run = self._run
        if run.differs is not None:
            raise run.differs
        if run.waits < len(self._waited):
            self._differs(self._wait_said(run.waits), "comes to its end")
        if len(run.futures) < len(self._called):
            self._differs(self._call_said(len(run.futures)), "comes to its end")

    def _call_said(self, call: int) -> str:
        return f"called task {self._called[call].name!r} (its call {call + 1})"

    def _wait_said(self, wait: int) -> str:
        waited = self._waited[wait]
        return f"waited for task {self._called[waited.call].name!r} after {waited.calls} calls"

    def _differs(self, before: str, now: str) -> NoReturn:
        self._run.differs = BodyDiffersError(entrypoint=self._entrypoint, before=before, now=now)
        raise self._run.differs
