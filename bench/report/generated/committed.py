"""What all committed reports hold together, for pages that tell of more than one suite."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.replay.pictures.record import Pictures, pictures_folder, read_pictures
from bench.report.board.table import Leaderboard
from bench.report.generated.commands import RECORDS
from bench.report.leaderboard.write import published_board
from bench.run.plan import planned_specs
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
        if (output_dir / suite.id / RECORDS).is_dir():
            planned = planned_specs(registry, suite)
            boards[suite.id] = published_board(suite, planned, output_dir, registry)
    return boards


def committed_pictures(
    variant: str, suites: Iterable[str], output_dir: Path
) -> dict[str, Pictures]:
    """The records of a variant's pictures by suite id, where there are any.

    Args:
        variant: its id.
        suites: ids of those whose folders are looked into.
        output_dir: the folder of all reports.

    Raises:
        InvalidInput: a record is broken.
    """
    found = {name: read_pictures(pictures_folder(output_dir, name, variant)) for name in suites}
    return {name: pictures for name, pictures in found.items() if pictures is not None}
