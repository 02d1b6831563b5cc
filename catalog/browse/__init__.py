"""TODO: what catalog.browse holds."""
