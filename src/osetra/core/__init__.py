"""Records, ports, seeding and errors that every other part speaks in; standard library and NumPy only."""
