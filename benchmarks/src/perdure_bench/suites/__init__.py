"""What is measured: files of pytest, in which each function is a workload."""
