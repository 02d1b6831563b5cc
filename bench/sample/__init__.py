"""TODO: what bench.sample holds."""
