"""Benchmark suites for perdure's backends, behind ``perdure bench`` and ``perdure cost``."""
