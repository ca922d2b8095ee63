"""The report of a run: one HTML file, and Markdown, both made of the same blocks."""
