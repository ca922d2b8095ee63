"""Streams of graphs: modes, handlers in activities, and live pieces for subscribers."""
