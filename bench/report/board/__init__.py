"""TODO: what bench.report.board holds."""
