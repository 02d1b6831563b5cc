"""TODO: what bench.data.decode holds."""
