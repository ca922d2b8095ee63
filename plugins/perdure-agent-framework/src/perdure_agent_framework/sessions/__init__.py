"""Conversations: sessions, their turns, and the callers who ask."""
