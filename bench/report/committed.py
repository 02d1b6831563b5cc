"""The tables of every committed report, for pages that tell of more than one suite."""

from __future__ import annotations

from pathlib import Path

from bench.plan import planned_specs
from bench.report.details import RECORDS
from bench.report.frames import Leaderboard
from bench.report.leaderboard import board_of
from bench.report.records import find_records
from catalog.schema import Registry


def committed_boards(registry: Registry, output_dir: Path) -> dict[str, Leaderboard]:
    """The table of each suite that has records below the folder of all reports.

    Args:
        registry: its suites and their budgets are looked for, by id; a folder of another name is
            passed over.
        output_dir: the folder of all reports.

    Returns:
        Tables by suite id, in the order of the registry; empty where no suite has records.

    Raises:
        MissingPrerequisite: a folder of records holds none of its suite's runs, or the suite's data
            set was never decoded on this machine and the registry does not pin it.
        InvalidInput: a record is broken, or one image set has two scores under the protocol.
    """
    boards: dict[str, Leaderboard] = {}
    for suite in registry.all_suites:
        records = output_dir / suite.id / RECORDS
        if records.is_dir():
            planned = planned_specs(registry, suite)
            boards[suite.id] = board_of(suite, planned, find_records(records), registry)
    return boards
