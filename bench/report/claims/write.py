"""Makes the claims page of a suite in memory, and writes it beside the suite's leaderboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.report.board.pins import pinned_by_records
from bench.report.board.records import find_records
from bench.report.board.table import Leaderboard
from bench.report.claims.evaluate import claims_on, judge, tests_any
from bench.report.claims.page import claims_csv, claims_page
from bench.report.leaderboard.destination import require_free
from bench.report.leaderboard.publish import RECORDS
from bench.report.leaderboard.write import board_of
from bench.report.words import LANGUAGES, Language, localized
from bench.run.plan import planned_specs
from catalog.errors import InvalidInput, MissingPrerequisite
from catalog.files import write_atomically
from catalog.schema import Registry, Suite

PAGE = "claims.md"
NUMBERS = "claims.csv"


def claims_texts(
    suite: Suite,
    registry: Registry,
    output_dir: Path,
    runs_dir: Path | None = None,
    languages: Sequence[Language] = LANGUAGES,
) -> dict[str, str]:
    """Text of every generated file by its name.

    Args:
        suite: whose claims are judged; a claim may name another suite on the same data set.
        registry: holds the claims.
        output_dir: the folder of all reports, whose records are read.
        runs_dir: a runs directory to read instead, or None.
        languages: of the pages.

    Raises:
        InvalidInput: the registry has no claims, or a record is broken.
        MissingPrerequisite: there are no records of any of the suites, or no comparison has all of
            its rows in the suite's own table.
    """
    if not registry.claims:
        raise InvalidInput("the registry has no claims to test")
    claims = claims_on(registry, suite)
    names = dict.fromkeys([suite.id, *(claim.suite for claim in claims if claim.suite)])
    everything = find_records(runs_dir) if runs_dir else None
    boards: dict[str, Leaderboard] = {}
    missing: list[MissingPrerequisite] = []
    for name in names:
        try:
            found = everything or find_records(output_dir / name / RECORDS)
            one = registry.suite(name)
            known = pinned_by_records(registry, one, found.directory)
            boards[name] = board_of(one, planned_specs(known, one), found, known)
        except MissingPrerequisite as error:
            missing.append(error)
    if not boards:
        raise missing[0]
    return claims_files(suite, registry, boards, languages)


def claims_files(
    suite: Suite,
    registry: Registry,
    boards: Mapping[str, Leaderboard],
    languages: Sequence[Language] = LANGUAGES,
) -> dict[str, str]:
    """Text of every generated file by its name, from tables that are made already.

    Raises:
        MissingPrerequisite: no comparison has all of its rows in the suite's own table.
    """
    own = boards.get(suite.id)
    if own is None or not tests_any(own, claims_on(registry, suite)):
        raise MissingPrerequisite(
            f"no run of suite '{suite.id}' tests a claim of the article",
            hint="aigc bench list --kind claims names the rows that each one compares",
        )
    judged = judge(registry, boards, suite)
    pages = {localized(PAGE, one): claims_page(judged, suite, registry, one) for one in languages}
    return {**pages, NUMBERS: claims_csv(judged)}


def write_claims(
    suite: Suite,
    registry: Registry,
    output_dir: Path,
    runs_dir: Path | None,
    first: Language = "en",
    *,
    reports: Path | None = None,
    replace: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[Path, ...]:
    """Writes the pages of all languages and the numbers into the suite's folder.

    Args:
        suite: whose claims are judged.
        registry: holds the claims.
        output_dir: the folder of all reports that is written to.
        runs_dir: a runs directory to read, or None.
        first: the language whose page is named first.
        reports: the folder of all reports whose records are read where ``runs_dir`` is None;
            ``output_dir`` unless given.
        replace: whether what git tracks, and claims that were made from other records, may go.
        tell: is then given each line of what goes.

    Raises:
        WouldReplace: it would, and ``replace`` is not given; nothing was written.
        InvalidInput: as of ``claims_texts``.
        MissingPrerequisite: as of ``claims_texts``.
    """
    languages = sorted(LANGUAGES, key=lambda language: language != first)
    folder = output_dir / suite.id
    texts = claims_texts(suite, registry, reports or output_dir, runs_dir, languages)
    files = {folder / name: text for name, text in texts.items()}
    # The same records make the same pages, so that others were made from other records.
    require_free(folder, files, foreign=True, replace=replace, tell=tell)
    for path, text in files.items():
        write_atomically(path, text)
    return tuple(files)
