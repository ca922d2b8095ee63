"""Tool calls: copies of tools that call activities, what is declared of them, approvals."""
