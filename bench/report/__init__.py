"""Reports: leaderboards of one suite, made from records and from nothing else."""

from bench.report.leaderboard import write_leaderboard

__all__ = ["write_leaderboard"]
