"""TODO: what bench.report.generated holds."""
