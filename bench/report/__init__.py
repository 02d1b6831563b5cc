"""Reports: leaderboards of one suite, made from records and from nothing else."""

from bench.report.generated.check import check_leaderboard
from bench.report.leaderboard.write import write_leaderboard

__all__ = ["check_leaderboard", "write_leaderboard"]
