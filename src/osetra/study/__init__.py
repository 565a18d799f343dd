"""The composition root: joins data, search, engine and store into the tuning of one task."""
