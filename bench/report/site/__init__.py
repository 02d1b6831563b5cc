"""The static site: every report and the whole catalogue as pages that need no server."""
