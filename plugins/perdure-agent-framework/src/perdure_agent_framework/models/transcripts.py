"""Transcripts by reference: what a model call sends that an earlier one has not sent.

With each call the framework sends the conversation from its start. Stored like that, history would
grow with the square of its length. So a call's activity stores what it sent and received in the
payload store, and the request of a later call names that and adds what is new. The workflow trusts
no memory of what it sent: it compares digests of the messages that it sends now, and where they
differ (compaction, edited messages) it sends what an earlier call has in common, or everything.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from perdure.framework import run_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Json = dict[str, Any]

_REMEMBERED = 16
_CARRIED = 4
_MOST_LOSSES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTranscript:
    """A transcript in the store, as the workflow knows it.

    Attributes:
        reference: Where it is; for the worker's eyes only.
        sent: How many messages the call had sent.
        sent_digest: Their digest.
        total: How many there are with the model's answer.
        total_digest: The digest of all.
        options_digest: The digest of the options of the call, which are stored with it.
    """

    reference: Json
    sent: int
    sent_digest: str
    total: int
    total_digest: str
    options_digest: str

    def common_with(self, digests: Sequence[str]) -> int:
        """Return how many messages, from the first on, are those with these digests."""
        for count, digest in ((self.total, self.total_digest), (self.sent, self.sent_digest)):
            if count < len(digests) and digests[count] == digest:
                return count
        return 0


class TranscriptMemory:
    """The stored transcripts that the calls of a run may build upon.

    It follows from history: what is in it came from activities, or from the turn before.
    """

    def __init__(self) -> None:
        # By conversation, because agents that run side by side have nothing in common.
        self._stored: dict[str, list[StoredTranscript]] = {}
        self._losses: Counter[str] = Counter()

    def to_json(self) -> Json:
        """Return what a later turn of the same root instance can go on with, as JSON types."""
        return {
            conversation: [asdict(stored) for stored in known[-_CARRIED:]]
            for conversation, known in self._stored.items()
        }

    def adopt(self, data: Json | None) -> None:
        """Go on with what :meth:`to_json` gave in an earlier turn."""
        for conversation, known in (data or {}).items():
            for stored in known:
                self.remember(conversation, StoredTranscript(**stored))

    def remember(self, conversation: str, stored: StoredTranscript) -> None:
        """Keep what a call has stored."""
        if self._losses[conversation] >= _MOST_LOSSES:
            return
        known = self._stored.setdefault(conversation, [])
        known.append(stored)
        del known[:-_REMEMBERED]

    def forget(self, conversation: str) -> None:
        """Let go of all that was stored: it cannot be read any more.

        Where that happens again and again (workers with nothing in common but the backend), what
        is stored helps nobody, and everything is sent from then on.
        """
        self._stored.pop(conversation, None)
        self._losses[conversation] += 1

    def request(self, conversation: str, messages: list[Json], options: Json) -> Json:
        """Return how messages and options are sent: in full, or as what is new."""
        known = self._stored.get(conversation, [])
        if not known:
            return {"messages": messages, "options": options}
        digests = list(cumulative_digests(messages))
        # The newest last: of two that have as much in common it is the likelier to be cached.
        common, stored = max(
            ((stored.common_with(digests), stored) for stored in reversed(known)),
            key=lambda pair: pair[0],
        )
        if common == 0:
            return {"messages": messages, "options": options}
        request: Json = {
            "base": {"reference": stored.reference, "count": common, "digest": digests[common]},
            "messages": messages[common:],
        }
        if digest_of(options) != stored.options_digest:
            request["options"] = options
        return request


def transcript_memory() -> TranscriptMemory:
    """Return the memory of the run that goes on here.

    Raises:
        NotInWorkflowError: No workflow runs here.
    """
    return run_state(TranscriptMemory)


def cumulative_digests(messages: Iterable[Json]) -> Iterator[str]:
    """Yield the digest of the first 0, 1, 2 … messages."""
    running = hashlib.sha256()
    yield running.hexdigest()
    for message in messages:
        running.update(_canonical(message))
        yield running.hexdigest()


def digest_of(value: Any) -> str:
    """Return the digest of a JSON value, whatever the order of its names."""
    return hashlib.sha256(_canonical(value)).hexdigest()


def _canonical(value: Any) -> bytes:
    # A newline ends each message, which JSON has in no text: no two lists look alike.
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode() + b"\n"
