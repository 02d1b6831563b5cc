"""The page of the judges: what is known of every extractor that was examined.

The examinations stand in ``reports/judges`` and are written there by ``aigc bench extractor
report``; the page is made from them and from the registry alone, and there is none without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.records.judge_report import DIM_SIGHT, Agreement, JudgeReport, read_report
from bench.report.words import LANGUAGES, Words, localized
from bench.report.words.spelling import NOTHING
from catalog.errors import InvalidInput
from catalog.escaping import md_text
from catalog.markdown_table import markdown_table
from catalog.schema import Registry

FOLDER = "judges"
PAGE = "judges.md"


def judges_files(registry: Registry, reports: Path) -> dict[Path, str]:
    """The page in every language by its path; empty where no judge was examined.

    Args:
        registry: names the extractors and their weights.
        reports: folder of all reports.

    Raises:
        InvalidInput: a report is broken, or of other weights than the registry's.
    """
    found = examined(registry, reports / FOLDER)
    if not found:
        return {}
    return {
        reports / localized(PAGE, language): judges_page(registry, found, Words(language, "judges"))
        for language in LANGUAGES
    }


def examined(registry: Registry, folder: Path) -> list[JudgeReport]:
    """All reports of a folder, in the order of the registry.

    Raises:
        InvalidInput: a report is broken, or of other weights than the registry's.
    """
    files = {entry.id: folder / f"{entry.id}.json" for entry in registry.extractors}
    found = [read_report(file) for file in files.values() if file.is_file()]
    for report in found:
        if report.sha256 != registry.extractor(report.extractor).sha256:
            raise InvalidInput(
                f"{files[report.extractor].as_posix()}: is of other weights than the registry's",
                hint=f"aigc bench extractor report {report.extractor} -o {files[report.extractor]}",
            )
    return found


def judges_page(registry: Registry, found: Sequence[JudgeReport], words: Words) -> str:
    """The whole page, ending in one line break."""
    lines = [f"# {words('title')}", "", words("intro"), ""]
    lines += markdown_table(
        words.each("judge", "accuracy", "held_out", "mean_image", "noise", "agreement", "grows"),
        [_overview(registry, report, words) for report in found],
        n_left=1,
    )
    for report in found:
        lines += [
            "",
            f"## {_name(registry, report, words)}",
            "",
            *_details(registry, report, words),
        ]
        lines += _warnings(registry, report, words)
    lines += ["", f"## {words('again')}", "", words("again_text"), ""]
    lines += ["```sh", *(_command(report) for report in found), "```"]
    return "\n".join(lines) + "\n"


def _overview(registry: Registry, report: JudgeReport, words: Words) -> list[str]:
    accuracy = registry.extractor(report.extractor).accuracy.get("test")
    agreement = report.agreement
    return [
        _name(registry, report, words),
        NOTHING if accuracy is None else f"{accuracy:.1%}",
        *(f"{value:.3g}" for value in (report.held_out, report.mean_image, report.noise)),
        NOTHING if agreement is None else _agreement(agreement),
        words("no") if report.not_monotone() else words("yes"),
    ]


def _agreement(agreement: Agreement) -> str:
    return f"{agreement.within:.2f} / {agreement.spearman:.2f} ({agreement.extractor})"


def _details(registry: Registry, report: JudgeReport, words: Words) -> list[str]:
    """One row a corruption; a cell is a grade: its level, the distance, and the accuracy there."""
    pixels = {one.fingerprint: one.name.in_language(words.language) for one in registry.datasets}
    name = pixels.get(report.fingerprint, NOTHING)
    cells = {
        name: [
            f"{grade.level:g}: {grade.distance:.3g}"
            + ("" if grade.accuracy is None else f" ({grade.accuracy:.1%})")
            for grade in report.of(name)
        ]
        for name in report.corruptions
    }
    n_grades = max(map(len, cells.values()))
    return [
        words(
            "details",
            dataset=md_text(name),
            n_held_out=report.n_held_out,
            n_reference=report.n_reference,
        ),
        "",
        *markdown_table(
            [words("corruption"), *map(str, range(1, n_grades + 1))],
            [
                [words(f"corruption_{name}"), *grades, *[NOTHING] * (n_grades - len(grades))]
                for name, grades in cells.items()
            ],
            n_left=1,
        ),
    ]


def _warnings(registry: Registry, report: JudgeReport, words: Words) -> list[str]:
    accuracy = registry.extractor(report.extractor).accuracy.get("test")
    told = [words("not_monotone", name=words(f"corruption_{n}")) for n in report.not_monotone()]
    if report.noise_is_nearer:
        told.append(words("noise_is_nearer"))
    if accuracy is not None and accuracy < DIM_SIGHT:
        told.append(words("dim_sight"))
    return ["", *(f"- {one}" for one in told)] if told else []


def _name(registry: Registry, report: JudgeReport, words: Words) -> str:
    return md_text(registry.extractor(report.extractor).name.in_language(words.language))


def _command(report: JudgeReport) -> str:
    agreement = report.agreement
    more = (
        f" --agree-with {agreement.extractor} --n-images {agreement.n_held_out}"
        if agreement
        else ""
    )
    if report.n_reference == 3 * report.n_held_out:  # as --own-images has it, and no default
        more = f" --own-images {report.n_held_out}{more}"
    file = f"reports/{FOLDER}/{report.extractor}.json"
    return f"aigc bench extractor report {report.extractor}{more} -o {file}"
