"""TODO: what catalog.export holds."""
