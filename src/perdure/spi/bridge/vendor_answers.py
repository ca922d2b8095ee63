"""Answers in a vendor's history, in the shape in which an SDK hands them to the bridge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perdure.spi.bridge.vendor_events import VendorKind
from perdure.spi.bridge.wire_operations import read_payload

if TYPE_CHECKING:
    from perdure.spi.bridge.vendor_events import VendorEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureDetails:
    """A failure, under the names that the SDKs have for its parts."""

    error_type: str
    message: str
    stack_trace: str


class ToldError(Exception):
    """A failure of which a history tells."""

    def __init__(self, details: FailureDetails) -> None:
        super().__init__(details.message)
        self.details = details


class Answer:
    """A task of an SDK that is complete because of an event."""

    def __init__(self, event: VendorEvent) -> None:
        self._event = event

    @property
    def is_failed(self) -> bool:
        """Whether the event tells of a failure."""
        return self._event.kind in (VendorKind.ACTIVITY_FAILED, VendorKind.CHILD_FAILED)

    def get_result(self) -> Any:
        """Return the value."""
        return read_payload(self._event.payload)

    def get_exception(self) -> ToldError:
        """Return the failure."""
        event = self._event
        details = FailureDetails(
            error_type=event.error_type, message=event.message, stack_trace=event.traceback
        )
        return ToldError(details)
