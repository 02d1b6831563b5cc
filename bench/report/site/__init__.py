"""The static site: every report and the whole catalogue as pages that need no server."""

from bench.report.site.build import write_site

__all__ = ["write_site"]
