"""Peers: other engines for durable work in Python, each at its own defaults."""
