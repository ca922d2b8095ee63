"""Places: where the work that is measured is done, one for each backend."""
