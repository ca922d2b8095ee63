"""The bridge from the executor to generator-style SDKs (``durabletask``, Dapr), for their backends.

No SDK is imported: a backend passes the classes in.
"""

from __future__ import annotations

from perdure.spi.bridge.activities import ActivityContext, run_activity
from perdure.spi.bridge.bridge import DEFAULT_RETAINED, Bridge
from perdure.spi.bridge.envelope import (
    ENVELOPE_VERSION,
    Envelope,
    StartEnvelope,
    decode_start,
    encode_start,
    to_text,
)
from perdure.spi.bridge.messages import (
    END_CHILDREN,
    EVENT_CHANNEL,
    WAKE_EVENT,
    Reply,
    WireFailure,
    decode_failure,
    decode_result,
    encode_event,
)
from perdure.spi.bridge.run import Superseded
from perdure.spi.bridge.sdk import OrchestrationContext, Sdk, SdkTask, WakeTask

__all__ = [
    "DEFAULT_RETAINED",
    "END_CHILDREN",
    "ENVELOPE_VERSION",
    "EVENT_CHANNEL",
    "WAKE_EVENT",
    "ActivityContext",
    "Bridge",
    "Envelope",
    "OrchestrationContext",
    "Reply",
    "Sdk",
    "SdkTask",
    "StartEnvelope",
    "Superseded",
    "WakeTask",
    "WireFailure",
    "decode_failure",
    "decode_result",
    "decode_start",
    "encode_event",
    "encode_start",
    "run_activity",
    "to_text",
]
