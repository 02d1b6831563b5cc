"""Reports: leaderboards of one suite, made from records and from nothing else."""

from bench.report.check import check_leaderboard
from bench.report.leaderboard import write_leaderboard

__all__ = ["check_leaderboard", "write_leaderboard"]
