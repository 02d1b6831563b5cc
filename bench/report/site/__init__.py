"""The static site: every report and the whole catalogue as pages that need no server."""

from bench.report.site.alone import leaderboard_html
from bench.report.site.build import write_site

__all__ = ["leaderboard_html", "write_site"]
