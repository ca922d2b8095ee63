"""Payload limits: how large a value may be on each backend, and what happens beyond."""
