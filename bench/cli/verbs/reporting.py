"""``aigc report``: what is made from records and from nothing else: tables, claims, the site."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.verbs.options import (
    DEFAULT_REPORTS,
    DEFAULT_RUNS,
    OWN_REPORTS,
    BudgetOption,
    CommittedReportsOption,
    FirstLanguageOption,
    ProtocolOption,
    RegistryOption,
    ReplaceOption,
    ReportsOption,
    SuiteArgument,
)
from bench.cli.verbs.output import emit, say
from catalog.errors import GateFailed, MissingPrerequisite, UsageError

if TYPE_CHECKING:
    from bench.identity.spec import TrainSpec
    from catalog.schema import Registry, Suite


def leaderboard(
    suite: SuiteArgument,
    runs: Annotated[
        Path | None, typer.Option("--runs", help="Where the records are; default: runs.")
    ] = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            "--output-dir",
            "-o",
            help="Where the report goes, in a folder of its own; default: my-reports, and with"
            " --check the committed reports.",
        ),
    ] = None,
    budget: BudgetOption = None,
    protocol: ProtocolOption = None,
    lang: FirstLanguageOption = "en",
    replace: ReplaceOption = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Write nothing: make pages of both languages, their pictures and the files of"
            " numbers again from the report's own records, and exit 5 where a byte differs.",
        ),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Also write the page as one HTML file that needs no other."),
    ] = None,
    registry_file: RegistryOption = None,
) -> None:
    """Write leaderboard, charts, numbers and the records they stand on; or check them.

    Nothing that git tracks, and nothing that was made from other records, is replaced without
    --replace: what would go is listed, nothing is written, and the exit code is 5.
    """
    if check and (runs is not None or html is not None or replace):
        raise UsageError(
            "--check reads the records beside the page and writes nothing; --runs, --html and"
            " --replace do not go with it",
            hint="leave them out, or name another --output-dir",
        )
    from bench.identity.local_registry import pinned_registry
    from bench.report.board.pins import pinned_by_records
    from bench.report.leaderboard.publish import RECORDS
    from bench.report.leaderboard.write import write_leaderboard
    from bench.run.plan import planned_specs
    from bench.run.suite_choice import SuiteChoice

    registry = pinned_registry(registry_file)
    entry = SuiteChoice(suite, budget, protocol).of(registry)
    place = output_dir or (DEFAULT_REPORTS if check else OWN_REPORTS)
    found = place / entry.id / RECORDS if check else runs or DEFAULT_RUNS
    registry = pinned_by_records(registry, entry, found)
    planned = planned_specs(registry, entry)
    if check:
        _check(entry, planned, place, registry)
        return
    for path in write_leaderboard(
        entry, planned, found, place, registry, lang, replace=replace, tell=say
    ):
        emit(path.as_posix())
    if html is not None:
        from bench.report.leaderboard.destination import require_free
        from bench.report.leaderboard.write import published_board
        from bench.report.site.build import leaderboard_html
        from catalog.files import write_atomically

        board = published_board(entry, planned, place, registry)
        page = leaderboard_html(board, registry, place, lang)
        require_free(html.parent, {html: page}, replace=replace, tell=say)
        write_atomically(html, page)
        emit(html.as_posix())


def claims(
    suite: SuiteArgument,
    runs: Annotated[
        Path | None,
        typer.Option("--runs", help="Runs to read, instead of the committed records."),
    ] = None,
    output_dir: ReportsOption = OWN_REPORTS,
    reports: CommittedReportsOption = DEFAULT_REPORTS,
    lang: FirstLanguageOption = "en",
    replace: ReplaceOption = False,
    registry_file: RegistryOption = None,
) -> None:
    """Write what the records say of the article's claims, each with a verdict.

    As with leaderboards, nothing that git tracks or that other records made is replaced without
    --replace.
    """
    from bench.identity.local_registry import pinned_registry
    from bench.report.claims import write_claims

    registry = pinned_registry(registry_file)
    entry = registry.suite(suite)
    for path in write_claims(
        entry, registry, output_dir, runs, lang, reports=reports, replace=replace, tell=say
    ):
        emit(path.as_posix())


def sign(
    suite: SuiteArgument,
    reports: CommittedReportsOption = DEFAULT_REPORTS,
    budget: BudgetOption = None,
    protocol: ProtocolOption = None,
    registry_file: RegistryOption = None,
) -> None:
    """Say that the findings beside a table were read against it as it is now.

    Their first line holds the sha256 of results.csv, and a page leaves them out beside any other
    table. The table fills in their numbers and verdicts; a sentence that says what it does not is
    named, and nothing is signed (exit code 5).
    """
    from bench.identity.local_registry import pinned_registry
    from bench.report.board.pins import pinned_by_records
    from bench.report.leaderboard.findings import sign_findings
    from bench.report.leaderboard.publish import RECORDS
    from bench.report.leaderboard.write import published_board
    from bench.run.plan import planned_specs
    from bench.run.suite_choice import SuiteChoice

    registry = pinned_registry(registry_file)
    entry = SuiteChoice(suite, budget, protocol).of(registry)
    registry = pinned_by_records(registry, entry, reports / entry.id / RECORDS)
    board = published_board(entry, planned_specs(registry, entry), reports, registry)
    for path in sign_findings(board, reports / entry.id):
        emit(path.as_posix())


def everything(
    reports: CommittedReportsOption = DEFAULT_REPORTS,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 5 where a byte differs.")
    ] = False,
    registry_file: RegistryOption = None,
) -> None:
    """Make every committed report, card and README block again from the committed records."""
    from bench.identity.local_registry import pinned_registry
    from bench.report.generated.everything import COMMAND, check_everything, write_everything

    registry = pinned_registry(registry_file, own_folders=False)
    if not check:
        for path in write_everything(registry, reports):
            emit(path.as_posix())
        return
    n_compared, stale = check_everything(registry, reports)
    for line in chain.from_iterable(one.lines() for one in stale):
        emit(line)
    say(f"{n_compared} generated files compared, {len(stale)} stale")
    if stale:
        raise GateFailed(
            f"{len(stale)} files are not what the records and the registry make",
            where=reports.as_posix(),
            hint=COMMAND,
        )


def appeals(
    reports: CommittedReportsOption = DEFAULT_REPORTS,
    registry_file: RegistryOption = None,
) -> None:
    """Make the page of appeals and its charts from the records in reports/appeals."""
    from bench.identity.local_registry import pinned_registry
    from bench.report.appeals import FOLDER, appeals_files
    from bench.report.generated.everything import COMMAND, differing
    from catalog.files import write_atomically

    files = appeals_files(pinned_registry(registry_file, own_folders=False), reports)
    if not files:
        folder = (reports / FOLDER).as_posix()
        raise MissingPrerequisite(
            f"nothing was appealed in {folder}", hint=f"aigc bench appeal --all -o {folder}"
        )
    for path, content in files.items():
        if differing(path, content, COMMAND):
            write_atomically(path, content)
            emit(path.as_posix())


def site(
    output_dir: Annotated[
        Path, typer.Option("--output-dir", "-o", help="Where the site goes.")
    ] = Path("site"),
    reports: CommittedReportsOption = DEFAULT_REPORTS,
    registry_file: RegistryOption = None,
) -> None:
    """Write one static site in both languages, which a browser opens from the disk."""
    from bench.identity.local_registry import pinned_registry
    from bench.report.site.build import write_site

    registry = pinned_registry(registry_file, own_folders=False)
    emit(write_site(registry, reports, output_dir).as_posix())


def _check(
    suite: Suite, planned: Sequence[TrainSpec], output_dir: Path, registry: Registry
) -> None:
    from bench.report.generated.everything import check_leaderboard

    compared, stale = check_leaderboard(suite, planned, output_dir, registry)
    for line in chain.from_iterable(one.lines() for one in stale):
        emit(line)
    bad = {one.file for one in stale}
    for path in compared:
        if path not in bad:
            say(f"{path.as_posix()}: equal, byte for byte, to what its records make")
    if stale:
        raise GateFailed(
            f"{len(bad)} files of the report are not what its records make",
            where=(output_dir / suite.id).as_posix(),
            hint="; ".join(dict.fromkeys(one.command for one in stale)),
        )
