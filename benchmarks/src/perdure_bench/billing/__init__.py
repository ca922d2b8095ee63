"""Billable actions of Durable Task Scheduler: counted in journals, and on the wire."""
