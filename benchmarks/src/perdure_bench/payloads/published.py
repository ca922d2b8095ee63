"""The limits that vendors publish, each with its source, to stand beside what is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure_bench.cells import NATIVE
from perdure_bench.payloads.kinds import KINDS
from perdure_bench.payloads.ways import DEFAULT_SIDECAR, INLINE, WAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure_bench.payloads.kinds import Kind

_SINGLE: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind != "cumulative history")
_CUMULATIVE: tuple[Kind, ...] = ("cumulative history",)

_DTS = "https://learn.microsoft.com/azure/durable-task/scheduler/durable-task-scheduler"
_DTS_GRPC = (
    "https://github.com/MicrosoftDocs/azure-docs/blob/main/articles/durable-task/sdks/"
    "durable-task-sdk-troubleshooting.md"
)
_DAPR = (
    "https://docs.dapr.io/developing-applications/building-blocks/workflow/workflow-payload-size/"
)
_DAPR_ETCD = "https://github.com/dapr/dapr/blob/v1.18.1/pkg/scheduler/server/internal/etcd/etcd.go"
_PERDURE = "docs/payloads.md"

_AT_64 = tuple(way for way in WAYS["dapr"] if not way.endswith(DEFAULT_SIDECAR))
_AT_DEFAULT = tuple(way for way in WAYS["dapr"] if way.endswith(DEFAULT_SIDECAR))


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One limit, as its source has it.

    Attributes:
        backend: Whose.
        kinds: Of which payloads.
        bytes: How many; of a unit of its source that is not clear, the larger meaning.
        words: What the source says of it.
        source: Where.
        ways: Which ways meet it; ``None`` for all.
        is_by_option: Whether it is so by an option of servers that are brought up for the probes.
    """

    backend: str
    kinds: tuple[Kind, ...]
    bytes: int
    words: str
    source: str
    ways: tuple[str, ...] | None = None
    is_by_option: bool = False


def _of_perdure(backend: str) -> tuple[str, ...]:
    return tuple(way for way in WAYS[backend] if not way.startswith(NATIVE))


PUBLISHED: Sequence[Published] = (
    Published(
        backend="azure",
        kinds=_SINGLE,
        bytes=1 << 20,
        words="1 MB for each payload; the service refuses more, and no setting lifts it",
        source=_DTS,
    ),
    Published(
        backend="azure",
        kinds=_CUMULATIVE,
        bytes=4 << 20,
        words="gRPC's default limit for a message that a client or a worker receives; a work item "
        "has the whole history",
        source=_DTS_GRPC,
        ways=(NATIVE,),
    ),
    Published(
        backend="dapr",
        kinds=KINDS,
        bytes=4 << 20,
        words="--max-body-size, 4 MiB by default; an instance is stalled beyond 95 % of it",
        source=_DAPR,
        ways=_AT_DEFAULT,
        is_by_option=True,
    ),
    Published(
        backend="dapr",
        kinds=KINDS,
        bytes=64 << 20,
        words="--max-body-size, here 64 MiB; an instance is stalled beyond 95 % of it",
        source=_DAPR,
        ways=_AT_64,
        is_by_option=True,
    ),
    Published(
        backend="dapr",
        kinds=("activity input",),
        bytes=2 << 20,
        words="2 MiB in the source of the scheduler, whose etcd client has no setting for it",
        source=_DAPR_ETCD,
    ),
    *(
        Published(
            backend=backend,
            kinds=_SINGLE,
            bytes=64 << 20,
            words="perdure takes no value over 64 MiB",
            source=_PERDURE,
            ways=_of_perdure(backend),
        )
        for backend in WAYS
    ),
    Published(
        backend="azure",
        kinds=_SINGLE,
        bytes=250_000,
        words="perdure puts no larger one into the backend itself",
        source="plugins/perdure-azure/README.md",
        ways=(INLINE,),
    ),
    Published(
        backend="dapr",
        kinds=_SINGLE,
        bytes=1_000_000,
        words="perdure puts no larger one into the backend itself",
        source="plugins/perdure-dapr/README.md",
        ways=(INLINE, INLINE + DEFAULT_SIDECAR),
    ),
)


def published_for(backend: str, kind: Kind, way: str, *, is_given: bool = False) -> list[Published]:
    """Return the limits that are published for a kind of payload, done in some way.

    Args:
        backend: Whose.
        kind: Of which payloads.
        way: As a cell has it.
        is_given: Whether the servers are the user's own.
    """
    return [
        each
        for each in PUBLISHED
        if each.backend == backend
        and kind in each.kinds
        and (each.ways is None or way in each.ways)
        and not (each.is_by_option and is_given)
    ]
