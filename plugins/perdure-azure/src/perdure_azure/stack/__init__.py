"""A local stand-in for Azure Durable Task Scheduler (DTS), on loopback. It is not DTS."""

from __future__ import annotations

from perdure_azure.stack.azure_stack import AzureStack
from perdure_azure.stack.kind import AzureStackKind, create_stack
from perdure_azure.stack.options import StackOptions

__all__ = ["AzureStack", "AzureStackKind", "StackOptions", "create_stack"]
