"""TODO: what bench.run holds."""
