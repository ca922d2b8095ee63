"""Sides: what does the work that is measured, each in a process of its own."""
