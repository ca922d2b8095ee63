"""Charts, each drawn for a page and for a phone, as SVG that takes its colours from the page."""
