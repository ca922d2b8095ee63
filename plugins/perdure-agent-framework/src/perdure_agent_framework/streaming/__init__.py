"""Live answers: which pieces a subscriber sees, and where they go."""
