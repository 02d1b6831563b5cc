"""The commands that make a report or one of its rows again, as a reader types them."""

from __future__ import annotations

from pathlib import Path

from bench.identity.local_registry import comes_from_files
from bench.report.leaderboard.publish import RECORDS
from bench.report.words import Language
from bench.run.suite_choice import arguments_of
from catalog.schema import Registry, Suite

REPORTS = Path("reports")


def run_command(suite: Suite, registry: Registry, variant: str = "") -> str:
    """Trains and scores a suite or one variant of it.

    ``DIR`` stands for where the files of the data set are, where it comes from files.
    """
    dataset = registry.dataset(suite.dataset)
    files = comes_from_files(dataset) and dataset.loader != "folder"
    words = ["aigc bench run", arguments_of(suite, registry), variant]
    return " ".join(filter(None, [*words, "--data-dir DIR" if files else ""]))


def report_command(
    suite: Suite,
    registry: Registry,
    language: Language | None = None,
    output_dir: Path | None = None,
) -> str:
    """Makes the report of a suite from its own records: a copy, or the report itself once more.

    Args:
        suite: what the report is of.
        registry: its suites.
        language: of the page that is named first; None where it does not matter.
        output_dir: the folder of all reports where the report itself is to be made; otherwise the
            committed records are read, and a copy is made where reports go by default.
    """
    records = ((output_dir or REPORTS) / suite.id / RECORDS).as_posix()
    where = "" if output_dir is None else f" -o {output_dir.as_posix()} --replace"
    chosen = " --lang zh" if language == "zh" else ""
    named = arguments_of(suite, registry)
    return f"aigc report leaderboard {named} --runs {records}{where}{chosen}"
