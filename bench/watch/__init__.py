"""TODO: what bench.watch holds."""
