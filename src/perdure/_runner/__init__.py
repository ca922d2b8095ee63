"""What a worker runs in-process: one executor at a time, and the activities that it asks for."""

from __future__ import annotations
