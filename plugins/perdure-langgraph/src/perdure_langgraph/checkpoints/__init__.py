"""Checkpoints: in a run's own memory, or where the user's checkpointer keeps them."""
