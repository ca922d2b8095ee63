"""The sections of a report. Each is made of what was measured; one without data says so."""
