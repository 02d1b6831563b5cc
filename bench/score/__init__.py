"""TODO: what bench.score holds."""
