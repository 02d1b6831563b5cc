"""TODO: what bench.train holds."""
