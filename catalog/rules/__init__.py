"""TODO: what catalog.rules holds."""
