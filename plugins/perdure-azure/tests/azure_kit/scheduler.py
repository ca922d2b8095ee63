"""The stand-in as a guarded scheduler: over TLS, and for those alone who show a token."""

from __future__ import annotations

import json
import logging
import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self

import grpc
from azure_kit.signing import AUDIENCE
from durabletask.azuremanaged.internal.durabletask_grpc_interceptor import (
    DTSDefaultClientInterceptorImpl,
)
from durabletask.internal import orchestrator_service_pb2 as messages
from durabletask.internal import orchestrator_service_pb2_grpc as stubs
from google.protobuf.empty_pb2 import Empty

from perdure_azure.stack.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from perdure_azure.stack.certificates import Certificates
    from perdure_azure.tokens import Tokens

_CALL_SECONDS: Final = 10

_log = logging.getLogger(__name__)


class GuardedScheduler:
    """A scheduler that takes the tokens of one signer."""

    def __init__(
        self, folder: Path, certificates: Certificates, *, token_key: Path, hub: str
    ) -> None:
        """Keep its data in ``folder``; ``token_key`` is the signer's public key."""
        self._certificates = certificates
        self._hub = hub
        self._command = (
            find_program(environment=os.environ, tell=_log.warning).path,
            f"--data={folder}",
            f"--hubs={hub}",
            f"--tls-cert={certificates.certificate}",
            f"--tls-key={certificates.key}",
            f"--token-key={token_key}",
            f"--audience={AUDIENCE}",
        )
        self._process: subprocess.Popen[str] | None = None
        self.target = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        ports = json.loads(self._process.stdout.readline())
        self.target = f"127.0.0.1:{ports['grpc']}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()

    @contextmanager
    def sdk_channel(self, tokens: Tokens, *, trusts_it: bool = True) -> Iterator[grpc.Channel]:
        """Open a channel as Microsoft's SDK does, with its own interceptor."""
        authority = self._certificates.authority.read_bytes() if trusts_it else None
        credentials = grpc.ssl_channel_credentials(authority)
        interceptor = DTSDefaultClientInterceptorImpl(tokens.for_sdk(), self._hub)
        with grpc.secure_channel(self.target, credentials) as channel:
            yield grpc.intercept_channel(channel, interceptor)

    async def say_hello(self, metadata: Sequence[tuple[str, str]]) -> None:
        """Call from an event loop."""
        authority = self._certificates.authority.read_bytes()
        credentials = grpc.ssl_channel_credentials(authority)
        async with grpc.aio.secure_channel(self.target, credentials) as channel:
            await _stub(channel).Hello(Empty(), metadata=metadata, timeout=_CALL_SECONDS)


def start_instance(channel: grpc.Channel) -> None:
    """Do what takes the role of a contributor.

    Raises:
        grpc.RpcError: The scheduler refuses.
    """
    name = f"test-{os.urandom(8).hex()}"
    request = messages.CreateInstanceRequest(instanceId=name, name="nothing")
    _stub(channel).StartInstance(request, timeout=_CALL_SECONDS)


def look_up_instance(channel: grpc.Channel) -> None:
    """Do what takes the role of a reader.

    Raises:
        grpc.RpcError: The scheduler refuses.
    """
    request = messages.GetInstanceRequest(instanceId="none-such")
    _stub(channel).GetInstance(request, timeout=_CALL_SECONDS)


def _stub(channel: grpc.Channel | grpc.aio.Channel) -> Any:
    return stubs.TaskHubSidecarServiceStub(channel)  # type: ignore[no-untyped-call]
