"""What the probes through both vendors' own SDKs have in common: their states look alike."""

from __future__ import annotations

import abc
import asyncio
import json
from typing import Any

import grpc

from perdure_bench.payloads.probing import Ended

_LOOK_SECONDS = 0.02
_MOST_LOOK_SECONDS = 0.2
_UNDER_WAY = ("PENDING", "RUNNING", "CONTINUED_AS_NEW")
_LOST = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


class NativeProber(abc.ABC):
    """A worker and a client of a vendor's SDK; see :class:`.probing.Prober`."""

    @abc.abstractmethod
    async def state(self, instance_id: str, *, with_payloads: bool) -> Any:
        """Return how an instance stands, as the SDK has it; ``None`` if there is none."""

    @abc.abstractmethod
    async def terminate(self, instance_id: str) -> None:
        """End an instance by force."""

    @abc.abstractmethod
    async def purge(self, instance_id: str) -> None:
        """Delete an instance that has ended."""

    async def stall(self, instance_id: str) -> str:
        """Return why an instance is held, in the backend's words."""
        return ""

    def is_passing(self, error: grpc.RpcError) -> bool:
        """Return whether an error says no more than that one must look again."""
        return False

    async def ended(self, instance_id: str) -> Ended:
        """Look until it goes no further: a wait of an SDK does not return when one is held."""
        name = await self._end(instance_id)
        if name == "STALLED":
            return Ended(status="stalled", words=await self.stall(instance_id))
        state = await self.state(instance_id, with_payloads=True)
        if name != "COMPLETED":
            failure = state.failure_details
            words = f"{failure.error_type}: {failure.message}" if failure else name
            return Ended(status="failed", words=words)
        return Ended(
            status="completed",
            output=_plain(state.serialized_output),
            custom_status=_plain(state.serialized_custom_status),
        )

    async def status(self, instance_id: str) -> str:
        """Look how it stands."""
        state = await self.state(instance_id, with_payloads=False)
        return "not there" if state is None else str(state.runtime_status.name)

    async def remove(self, instance_id: str, *, is_running: bool) -> None:
        """Terminate and purge it."""
        if await self.state(instance_id, with_payloads=False) is None:
            return
        if is_running:
            await self.terminate(instance_id)
            await self._end(instance_id, also_after=("STALLED",))
        await self.purge(instance_id)

    def is_lost(self, error: Exception) -> bool:
        """Return whether the server cannot be reached."""
        return isinstance(error, grpc.RpcError) and _code(error) in _LOST

    def words_of(self, error: Exception) -> str:
        """Return gRPC's code and details, or the error's type and message."""
        if isinstance(error, grpc.RpcError):
            return f"{_code(error).name}: {error.details()}"
        return f"{type(error).__name__}: {error}"

    async def _end(self, instance_id: str, *, also_after: tuple[str, ...] = ()) -> str:
        pause = _LOOK_SECONDS
        while True:
            name = await self._name(instance_id)
            if name not in (*_UNDER_WAY, *also_after):
                return name
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _MOST_LOOK_SECONDS)

    async def _name(self, instance_id: str) -> str:
        try:
            state = await self.state(instance_id, with_payloads=False)
        except grpc.RpcError as error:
            if self.is_passing(error):
                return "RUNNING"
            raise
        return "PENDING" if state is None else str(state.runtime_status.name)


def _code(error: grpc.RpcError) -> grpc.StatusCode:
    code: grpc.StatusCode = error.code()
    return code


def _plain(serialized: str | None) -> str:
    try:
        value = json.loads(serialized or '""')
    except ValueError:
        # A status that the SDK did not make JSON of.
        return serialized or ""
    return str(value)
