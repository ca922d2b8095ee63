"""The rig of one cell: a place of its own and a process of its own, both replaced where need be.

A probe may leave a server that loops for ever, or a process that is stuck. So nothing here is
shared with other cells, and what a probe could not clear away is brought up anew for the next. A
backend of the user's own is shared, and cannot be brought up anew: there a new process takes away
what is left.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from perdure_bench.payloads.kinds import runs_of
from perdure_bench.payloads.probing import LONGEST_SECONDS, REMOVE_SECONDS, Probed
from perdure_bench.payloads.ways import WAYS
from perdure_bench.places.choosing import STACKS
from perdure_bench.places.embedded_place import EmbeddedPlace
from perdure_bench.places.place import PlaceError
from perdure_bench.places.stack_place import StackPlace
from perdure_bench.sides.process import Side, SideFailedError, SideTimedOutError

if TYPE_CHECKING:
    from types import TracebackType

    from perdure_bench.bench import Bench
    from perdure_bench.payloads.kinds import Kind
    from perdure_bench.payloads.ways import ProbeWay
    from perdure_bench.places.place import Place

DEADLINE_SECONDS = 15.0
LATER_DEADLINE_SECONDS = 5.0
"""Once one probe of a ladder has hung. Those that pass take a small part of it."""

SECONDS_PER_BYTE = 0.3 / (1 << 20)
"""What a larger payload is given beyond."""

_MARGIN_SECONDS = 10.0


class Rig:
    """Makes the probes of one cell, from ``with`` to its end.

    Args:
        bench: The cell.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.way: ProbeWay = WAYS[bench.cell.backend][bench.cell.way]
        self.is_given = bench.cell.backend in bench.session.addresses
        self._folder = bench.session.work / "payloads"
        self._place: Place
        self._opened = ExitStack()
        self._side: Side | None = None
        self._has_hung = False

    def __enter__(self) -> Self:
        """Bring up the place.

        Raises:
            StackError: Its servers cannot be started.
            PlaceError: It is the user's own, and cannot be used for this.
        """
        cell, session = self._bench.cell, self._bench.session
        if self.is_given:
            if self.way.options:
                raise PlaceError(f"{cell.backend} is your own, and {cell.way} needs other servers")
            self._place = session.place(cell)
            # Another worker of its hub would take work that it does not know.
            session.end_sides(cell.backend)
        else:
            self._place = self._own_place()
            self._opened.callback(self._place.close)
        self._opened.callback(self._end_side)
        try:
            if not self.is_given:
                self._place.fresh()
                session.run.backends.setdefault(cell.backend, self._place.conditions())
                session.folder.begin(session.run)
        except BaseException:
            self._opened.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take all down."""
        self._opened.close()

    def probe(self, kind: Kind, size: int) -> Probed:
        """Try one payload.

        Raises:
            StackError: Servers that it needs cannot be started.
            SideFailedError: The process ends before the probe.
            SideTimedOutError: The process is not ready in time.
        """
        deadline = LATER_DEADLINE_SECONDS if self._has_hung else DEADLINE_SECONDS
        deadline = round(deadline + size * SECONDS_PER_BYTE, 1)
        # Many activities may go on until right before the end of the longest time.
        longest = 2 * deadline + (LONGEST_SECONDS if runs_of(kind, size) else 0)
        instance_id = self._bench.session.new_ids(1)[0]
        side = self._ready_side()
        try:
            answer = side.order(
                "probe",
                within=longest + REMOVE_SECONDS + _MARGIN_SECONDS,
                kind=kind,
                size=size,
                instance_id=instance_id,
                deadline_seconds=deadline,
            )
            probed = Probed(**answer)
            # A run that is shown to others says nothing of this host's folders.
            words = probed.words.replace(str(self._bench.session.work), "…")
            probed = replace(probed, words=words)
        except SideTimedOutError:
            words = "the process with the worker and the client was stuck"
            probed = _without_answer(size, longest, outcome="hung", words=words)
        except SideFailedError:
            words = "the process with the worker and the client ended"
            probed = _without_answer(size, 0, outcome="lost", words=words)
        if probed.outcome == "hung":
            self._has_hung = True
        if probed.outcome in ("hung", "lost") or not probed.is_removed:
            self._end_side()
            if not self.is_given:
                self._place.fresh()
            elif not probed.is_removed:
                self._remove(instance_id)
        return probed

    def _own_place(self) -> Place:
        name, folder = self._bench.cell.backend, self._folder / self._bench.cell.backend
        if name not in STACKS:
            return EmbeddedPlace(folder)
        options = {**STACKS[name], **self.way.options}
        return StackPlace(name, folder, options=options, tell=self._bench.session.tell)

    def _ready_side(self) -> Side:
        if self._side is None:
            cell = self._bench.cell
            environment = {
                **self._place.environment,
                **{
                    name: value.format(folder=self._folder / "store")
                    for name, value in self.way.environment.items()
                },
            }
            self._side = Side(
                f"{cell.way} on {cell.backend}",
                module=self.way.module,
                environment=environment,
                log=self._bench.session.work / f"payloads-{cell.backend}-{cell.way}.log",
            ).__enter__()
            self._side.connect()
        return self._side

    def _remove(self, instance_id: str) -> None:
        within = REMOVE_SECONDS + _MARGIN_SECONDS
        try:
            self._ready_side().order("remove", within=within, instance_id=instance_id)
        except (SideTimedOutError, SideFailedError):
            # The end of the run says what stays.
            self._end_side()

    def _end_side(self) -> None:
        side, self._side = self._side, None
        if side is not None:
            # It may be stuck, and nothing of it is needed any more.
            side.kill()


def _without_answer(size: int, seconds: float, *, outcome: str, words: str) -> Probed:
    return Probed(
        bytes=size,
        outcome=outcome,  # type: ignore[arg-type]  # one of its words
        seconds=seconds,
        words=words,
        is_removed=False,
    )
