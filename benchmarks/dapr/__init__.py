"""perdure on a Dapr sidecar beside Dapr's own SDK: ``python -m benchmarks.beside dapr``."""
