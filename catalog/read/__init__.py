"""TODO: what catalog.read holds."""
