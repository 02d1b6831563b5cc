"""TODO: what bench.report.words holds."""
