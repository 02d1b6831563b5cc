"""TODO: what bench.replay holds."""
