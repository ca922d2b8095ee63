"""Measures durable graphs beside plain LangGraph: ``python -m benchmarks.graphs``."""
