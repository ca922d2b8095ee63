"""Benchmarks of perdure; see README.md."""
