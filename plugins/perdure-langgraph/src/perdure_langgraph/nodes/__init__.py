"""Nodes: what a workflow asks for, and the activity in which the user's function runs."""
