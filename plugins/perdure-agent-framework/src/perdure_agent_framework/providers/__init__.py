"""Context and history providers: which run in activities, and what crosses."""
