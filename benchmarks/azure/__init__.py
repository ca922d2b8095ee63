"""perdure beside Microsoft's own SDK on the local stand-in for Durable Task Scheduler."""
