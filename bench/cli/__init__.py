"""TODO: what bench.cli holds."""
