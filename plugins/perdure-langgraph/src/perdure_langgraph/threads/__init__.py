"""Threads: the workflows that keep a conversation, what is asked of them, and approvals."""
