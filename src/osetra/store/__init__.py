"""Where studies are kept: in memory, in one SQLite file, or in PostgreSQL."""
