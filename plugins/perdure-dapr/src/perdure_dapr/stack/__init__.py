"""Dapr's own servers on loopback: placement, scheduler, sidecars, and sentry for mutual TLS."""

from __future__ import annotations

from perdure_dapr.stack.dapr_stack import DaprStack
from perdure_dapr.stack.kind import DaprStackKind, create_stack
from perdure_dapr.stack.options import StackOptions

__all__ = ["DaprStack", "DaprStackKind", "StackOptions", "create_stack"]
