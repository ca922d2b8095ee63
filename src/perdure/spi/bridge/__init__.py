"""The bridge from the executor to generator-style SDKs (``durabletask``, Dapr), for their backends.

No SDK is imported: a backend passes the classes in.
"""

from __future__ import annotations

from perdure.spi.bridge.activities import ActivityContext, run_activity
from perdure.spi.bridge.bridge import DEFAULT_RETAINED, Bridge
from perdure.spi.bridge.channel import (
    CHILD_ANSWER,
    EVENT_CHANNEL,
    WAKE_EVENT,
    encode_child_answer,
    encode_event,
)
from perdure.spi.bridge.envelope import (
    ENVELOPE_VERSION,
    MARK,
    Envelope,
    StartEnvelope,
    decode_start,
    encode_start,
    to_text,
)
from perdure.spi.bridge.errands import ChildRequest, Errands
from perdure.spi.bridge.holds import with_plain_holds
from perdure.spi.bridge.messages import (
    ANSWER_PARENT,
    END_CHILDREN,
    START_CHILD,
    Reply,
    WireFailure,
    decode_failure,
    decode_result,
)
from perdure.spi.bridge.notes import Note
from perdure.spi.bridge.projection import project
from perdure.spi.bridge.result_record import ResultRecord
from perdure.spi.bridge.result_rows import ResultLimits
from perdure.spi.bridge.run import Superseded
from perdure.spi.bridge.sdk import OrchestrationContext, Sdk, SdkTask, WakeTask
from perdure.spi.bridge.shown import ShownStatus, decode_status
from perdure.spi.bridge.vendor_events import VendorEvent, VendorKind

__all__ = [
    "ANSWER_PARENT",
    "CHILD_ANSWER",
    "DEFAULT_RETAINED",
    "END_CHILDREN",
    "ENVELOPE_VERSION",
    "EVENT_CHANNEL",
    "MARK",
    "START_CHILD",
    "WAKE_EVENT",
    "ActivityContext",
    "Bridge",
    "ChildRequest",
    "Envelope",
    "Errands",
    "Note",
    "OrchestrationContext",
    "Reply",
    "ResultLimits",
    "ResultRecord",
    "Sdk",
    "SdkTask",
    "ShownStatus",
    "StartEnvelope",
    "Superseded",
    "VendorEvent",
    "VendorKind",
    "WakeTask",
    "WireFailure",
    "decode_failure",
    "decode_result",
    "decode_start",
    "decode_status",
    "encode_child_answer",
    "encode_event",
    "encode_start",
    "project",
    "run_activity",
    "to_text",
    "with_plain_holds",
]
