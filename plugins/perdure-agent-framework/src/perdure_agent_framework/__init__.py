"""Durable agents: Microsoft Agent Framework agents whose model and tool calls are durable."""
