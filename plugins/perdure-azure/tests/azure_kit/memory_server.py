"""Microsoft's own test server for the protocol, in memory: no authentication, no hubs, loopback."""

from __future__ import annotations

import contextlib
from concurrent import futures
from typing import TYPE_CHECKING

import grpc
from durabletask.internal import orchestrator_service_pb2_grpc as stubs
from durabletask.testing import InMemoryOrchestrationBackend

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def memory_server() -> Iterator[str]:
    """Run a server on a free port and give its address."""
    backend = InMemoryOrchestrationBackend()
    # By itself it would listen on all interfaces, and could not say which port it was given.
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=10))
    stubs.add_TaskHubSidecarServiceServicer_to_server(backend, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        backend.stop()
        server.stop(grace=0).wait()
