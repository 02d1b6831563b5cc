"""TODO: what bench.speed holds."""
