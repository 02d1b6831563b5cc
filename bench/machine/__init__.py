"""TODO: what bench.machine holds."""
