"""TODO: what bench.report.leaderboard holds."""
