"""What it costs to make an agent durable."""
