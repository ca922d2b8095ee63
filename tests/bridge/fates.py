"""What can happen to an instance, picked by chance, so that a test can try it all out."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from durabletask.internal import helpers

from perdure.spi.bridge import WAKE_EVENT, decode_start, encode_child_answer
from perdure.spi.bridge.messages import wire_refusal
from perdure.types import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from tests.bridge.host import Host
    from tests.bridge.programs import WatchedBridge

NAMES = ("a", "b", "tick")


class Fate:
    """Lets one thing after the other happen to an instance."""

    def __init__(self, host: Host, bridges: Sequence[WatchedBridge], chance: Random) -> None:
        self.host = host
        self.bridges = bridges
        self.chance = chance
        self.is_held = False

    def happen(self) -> bool:
        """Let some things happen and have them executed; return whether the answer came through."""
        for _ in range(self.chance.choice((1, 1, 2, 4))):
            self.chance.choice(self._acts())()
        if self.chance.random() < 0.05:
            self.host.now_us -= 5_000_000  # the clock of another machine
        had = bool(self.host.inbox)
        is_lost = self.chance.random() < 0.1
        self.host.execute(self.chance.choice(self.bridges), loses_answer=is_lost)
        return had and not is_lost

    def _acts(self) -> list[Callable[[], None]]:
        """Return what can happen now, what is likely more than once."""
        host = self.host
        acts: list[Callable[[], None]] = []
        for id in sorted(host.activities):
            acts += [*[partial(self._answer, id)] * 3, partial(self._answer_oddly, id)]
        acts += [partial(self._end_child, id) for id in sorted(host.children)] * 2
        acts += [partial(self._fire, id) for id in sorted(host.timers)] * 2
        acts += [partial(self._tell, child_id) for child_id in sorted(host.neighbours.children)]
        return [*acts, self._raise, self._raise, self._raise_foreign, self._wake, self._hold]

    def _answer(self, id: int) -> None:
        self.host.answer(id)

    def _fire(self, id: int) -> None:
        self.host.fire(id)

    def _answer_oddly(self, id: int) -> None:
        """Refuse an activity, answer it as somebody else does, or for a run before."""
        host = self.host
        call = json.loads(host.activities[id].input)
        way = self.chance.randrange(3)
        if way == 0 and "id" in call:
            del host.activities[id]
            refusal = wire_refusal(LookupError("not here"), run_id=call["run_id"], id=call["id"])
            host.inbox.append(helpers.new_task_failed_event(id, refusal))
        elif way == 1:
            host.answered(id, {"perdure": 1, "of": "the-run-before:1", "result": "7"})
        else:
            host.answered(id, self.chance.randrange(100))

    def _end_child(self, id: int) -> None:
        host = self.host
        call = host.children.pop(id)
        start = decode_start(json.loads(call.input))
        assert start is not None
        assert start.parent is not None
        if self.chance.randrange(3) == 0:
            event = helpers.new_sub_orchestration_failed_event(id, ValueError("no"))
        else:
            of = f"{start.parent.run_id[:8]}:{start.parent.command_id}"
            answer = json.dumps({"perdure": 1, "of": of, "result": "[1.0]"})
            event = helpers.new_sub_orchestration_completed_event(id, answer)
        host.inbox.append(event)

    def _tell(self, child_id: str) -> None:
        """Let a detached child answer; once in a while more than once."""
        host = self.host
        child = host.neighbours.children[child_id]
        if self.chance.randrange(3):
            del host.neighbours.children[child_id]
        failure = (
            Failure(type="ValueError", message="no") if self.chance.randrange(4) == 0 else None
        )
        payload = encode_child_answer(child.parent, result="1e3", failure=failure)
        host.raise_event_text("perdure.child-answer", payload)

    def _raise(self) -> None:
        """Raise an event; once in a while one that may have come already."""
        id = self.chance.choice(("", "", "1", "2"))
        self.host.raise_event(self.chance.choice(NAMES), self.chance.randrange(9), id=id)

    def _raise_foreign(self) -> None:
        name = self.chance.choice(NAMES)
        self.host.raise_foreign(self.chance.choice((name, name.upper())), self._value())

    def _value(self) -> Any:
        marked = {"b": 1e22, "__durabletask_autoobject__": True}
        return self.chance.choice((7, None, marked, "\u00e9"))

    def _wake(self) -> None:
        self.host.raise_event(WAKE_EVENT, None)

    def _hold(self) -> None:
        """Hold or release, rarely as it was not before."""
        self.is_held = self.is_held != (self.chance.random() < 0.8)
        if self.is_held:
            self.host.suspend()
        else:
            self.host.resume()
