"""What backends on a vendor's server have in common, beside the bridge to the vendor's SDK.

Each reads its vendor's messages into the plain values of this package; what follows from them is
here, once. No SDK is imported; :mod:`~perdure.spi.remote.calls` alone needs ``grpcio``.
"""

from __future__ import annotations

from perdure.spi.remote.ending import Terminator
from perdure.spi.remote.errands import BackendErrands
from perdure.spi.remote.journals import hold_reason, journal_of
from perdure.spi.remote.parked import ParkedInstances
from perdure.spi.remote.protobuf_events import EventNames, vendor_events
from perdure.spi.remote.raising import EventRaiser
from perdure.spi.remote.revival import Reviver
from perdure.spi.remote.server import RemoteServer
from perdure.spi.remote.starts import is_ours, new_start, pending_info
from perdure.spi.remote.state import VendorState, instance_info, text_of

__all__ = [
    "BackendErrands",
    "EventNames",
    "EventRaiser",
    "ParkedInstances",
    "RemoteServer",
    "Reviver",
    "Terminator",
    "VendorState",
    "hold_reason",
    "instance_info",
    "is_ours",
    "journal_of",
    "new_start",
    "pending_info",
    "text_of",
    "vendor_events",
]
