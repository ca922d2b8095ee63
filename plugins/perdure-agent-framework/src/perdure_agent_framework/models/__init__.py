"""Model calls: what a workflow asks for, how it is tried again, and the activity that calls."""
