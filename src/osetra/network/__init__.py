"""What a network is and how its parameters lie in memory: shapes, no loops over data."""
