"""TODO: what bench.records holds."""
