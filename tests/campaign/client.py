"""What a campaign's client does: start instances, send them numbers, and wait for their ends.

It is the same whichever side runs; how calls are made is the side's own. Calls are made again until
they succeed, whatever was killed meanwhile. The end of each instance is written down at once.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tests.campaign.shapes import LISTENER, NUMBERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.campaign.schedule import Duty

_AGAIN_SECONDS = 0.2
_BETWEEN_NUMBERS_SECONDS = 0.3
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class NotReachedError(Exception):
    """A call failed, and nobody knows whether it did what it was to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an instance ended.

    Attributes:
        instance_id: Which.
        status: The word for its status.
        result: What it returned, if it completed.
        failure: Why not, if it did not.
        doubtful: The numbers that were sent more than once.
        calls_failed: How many calls failed on the way.
        odd_errors: What calls failed with that a client has no reason to expect.
        at: When that was known, on the record's clock.
    """

    instance_id: str
    status: str
    result: Any = None
    failure: str = ""
    doubtful: tuple[int, ...] = ()
    calls_failed: int = 0
    odd_errors: tuple[str, ...] = ()
    at: float = field(default_factory=time.monotonic)


class StillRunningError(Exception):
    """An instance has not ended yet."""


class Calls(Protocol):
    """How a side makes the calls; each raises :class:`NotReachedError` if it fails."""

    def start(self, duty: Duty) -> None:
        """Start an instance, unless it is there already."""

    def send(self, duty: Duty, number: int) -> None:
        """Send a number to an instance."""

    def end(self, duty: Duty) -> Ending:
        """Wait a while for the end of an instance, and return it.

        Raises:
            StillRunningError: It has not ended yet.
        """


class Client:
    """Cares for each instance in a thread of its own.

    Args:
        calls: How to make them.
        endings: The file that gets a line for each instance that has ended.
    """

    def __init__(self, calls: Calls, endings: Path) -> None:
        self._calls = calls
        self._endings = endings
        self._lock = threading.Lock()
        self._rounds: dict[int, threading.Event] = {}

    def begin(self, number: int) -> None:
        """Begin a round."""
        self._round(number).set()

    def care_for(self, duties: Iterable[Duty]) -> None:
        """Start each instance in its round, and return once all have ended."""
        duties = list(duties)
        with ThreadPoolExecutor(max_workers=len(duties)) as pool:
            for done in [pool.submit(self._care, duty) for duty in duties]:
                done.result()

    def _care(self, duty: Duty) -> None:
        self._round(duty.round).wait()
        time.sleep(duty.start_seconds)
        attempts = Attempts(duty)
        attempts.until_done(partial(self._calls.start, duty))
        doubtful = []
        for number in range(1, NUMBERS + 1) if duty.workflow == LISTENER else ():
            failed = attempts.failed
            attempts.until_done(partial(self._calls.send, duty, number))
            if attempts.failed > failed:
                doubtful.append(number)
            time.sleep(_BETWEEN_NUMBERS_SECONDS)
        ending = attempts.until_done(partial(self._calls.end, duty))
        self._write(
            replace(
                ending,
                doubtful=tuple(doubtful),
                calls_failed=attempts.failed,
                odd_errors=tuple(sorted(attempts.odd_errors)),
            )
        )

    def _round(self, number: int) -> threading.Event:
        with self._lock:
            return self._rounds.setdefault(number, threading.Event())

    def _write(self, ending: Ending) -> None:
        with self._lock, self._endings.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(ending)) + "\n")


class Attempts:
    """Calls for one instance, each made until it succeeds."""

    def __init__(self, duty: Duty) -> None:
        self._duty = duty
        self.failed = 0
        self.odd_errors: set[str] = set()

    def until_done(self, call: Callable[[], _T]) -> _T:
        """Make a call until it succeeds, and return what it returns."""
        while True:
            try:
                return call()
            except StillRunningError:
                pass
            except NotReachedError as error:
                self._note(error)
            except Exception as error:  # noqa: BLE001 - what is odd is told at the end, and no end
                self.odd_errors.add(f"{type(error).__name__}: {error}")
                self._note(error)
            time.sleep(_AGAIN_SECONDS)

    def _note(self, error: Exception) -> None:
        self.failed += 1
        _log.info("%s: %s: %s", self._duty.instance_id, type(error).__name__, error)


def read_endings(path: Path) -> dict[str, Ending]:
    """Return what has ended so far, by instance id."""
    if not path.exists():
        return {}
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    endings = {}
    for text in whole.splitlines():
        data = json.loads(text)
        data["doubtful"] = tuple(data["doubtful"])
        data["odd_errors"] = tuple(data["odd_errors"])
        endings[data["instance_id"]] = Ending(**data)
    return endings
