"""The page of appeals: published numbers that were reproduced, explained, or neither.

The appeals stand in ``reports/appeals`` and are heard by ``aigc bench appeal``; the page and its
charts are made from them alone, and there is none without them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from bench.appeal.claim import read_claim, registered
from bench.records.appeal_record import AppealRecord, Tried, Verdict, read_appeal
from bench.report.charts.appeals import appeal_chart
from bench.report.words import LANGUAGES, Language, Words, localized
from bench.report.words.appeals import changes_text, figure_text, plain_metric
from bench.report.words.spelling import NOTHING, anchor
from catalog.errors import InvalidInput
from catalog.escaping import md_code, md_label, md_target, md_text
from catalog.markdown_table import markdown_table
from catalog.schema import Registry

FOLDER = "appeals"
PAGE = "appeals.md"
CHARTS = "charts"
SHOWN = 10
"""Deviations of an appeal that a page shows: what explains the claim, then the largest."""
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


def appeals_files(registry: Registry, reports: Path) -> dict[Path, str]:
    """The page in every language and its charts by their paths; empty where nothing was appealed.

    Args:
        registry: names the judges and their weights.
        reports: folder of all reports.

    Raises:
        InvalidInput: a record is broken, of another claim than the registered one, or of other
            weights than the registry's.
    """
    records = appeals(registry, reports / FOLDER)
    files: dict[Path, str] = {}
    for language in LANGUAGES if records else ():
        words = Words(language, "appeals")
        lines = _page(records, words)
        for record in records:
            lines += ["", *_section(record, words)]
            shown = _shown(record)
            if shown:
                chart = appeal_chart(record, shown, words)
                path = chart_path(record, language)
                files[reports / path] = chart.svg
                picture = f"![{md_label(chart.alt)}]({md_target(path.as_posix())})"
                lines += ["", picture, "", chart.caption]
        lines += ["", f"## {words('again')}", "", words("again_text"), ""]
        lines += ["```sh", f"aigc bench appeal --all -o reports/{FOLDER}", "```"]
        files[reports / localized(PAGE, language)] = "\n".join(lines) + "\n"
    return files


def appeals(registry: Registry, folder: Path) -> list[AppealRecord]:
    """All appeals of a folder: those that came out first, then in the order of their names.

    Raises:
        InvalidInput: as ``appeals_files`` does.
    """
    found = [read_appeal(file) for file in sorted(folder.glob("*.json"))]
    claims = registered()
    for record in found:
        again = f"aigc bench appeal {record.id} -o {folder.as_posix()}"
        name = (folder / f"{record.id}.json").as_posix()
        if record.id in claims and read_claim(claims[record.id]).sha256 != record.claim_sha256:
            raise InvalidInput(f"{name}: is of another claim than the registered one", hint=again)
        judge = record.extractor
        if judge and registry.extractor(judge).sha256 != record.extractor_sha256:
            raise InvalidInput(f"{name}: is of other weights than the registry's", hint=again)
    return sorted(found, key=lambda one: VERDICTS.index(one.verdict))


def chart_path(record: AppealRecord, language: Language) -> Path:
    """Where the chart of an appeal lies, seen from the page."""
    return Path(FOLDER, CHARTS, localized(f"{record.id}.svg", language))


def _page(records: Sequence[AppealRecord], words: Words) -> list[str]:
    verdicts = Counter(record.verdict for record in records)
    counts = {verdict.replace("-", "_"): verdicts[verdict] for verdict in VERDICTS}
    return [
        f"# {words('title')}",
        "",
        words("intro"),
        "",
        words("rule", tolerance=f"{max(one.tolerance for one in records):.1%}"),
        "",
        words("counts", n=len(records), **counts),
        "",
        *markdown_table(
            words.each("appeal", "metric", "printed", "measured", "verdict"),
            [_overview(record, words) for record in records],
        ),
    ]


def _overview(record: AppealRecord, words: Words) -> list[str]:
    name = _name(record, words)
    return [
        f"[{md_label(name)}](#{anchor(name)})",
        md_text(plain_metric(record)),
        md_text(record.printed),
        figure_text(record, record.value, record.half_width),
        _verdict(record, words),
    ]


def _section(record: AppealRecord, words: Words) -> list[str]:
    protocol = [f"{md_code(key)} {md_text(value)}" for key, value in record.protocol.items()]
    facts = [
        words("source", text=md_text(record.source)),
        words("about", about=md_code(record.about))
        if record.reference is None
        else words(
            "about_against", about=md_code(record.about), reference=md_code(record.reference)
        ),
        words("stated", protocol=words.join(protocol)) if protocol else words("nothing_stated"),
        words(
            "found",
            printed=md_text(record.printed),
            value=figure_text(record, record.value, record.half_width),
            verdict=_verdict(record, words),
        ),
    ]
    lines = [f"## {md_text(_name(record, words))}", "", *(f"- {fact}" for fact in facts)]
    if record.remark is not None:
        lines += ["", md_text(record.remark.in_language(words.language))]
    shown = _shown(record)
    if not shown:
        return lines
    lines += [
        "",
        *markdown_table(
            words.each("otherwise", "measured", "moved", "comes_out"),
            [
                [
                    md_text(changes_text(one, words)),
                    figure_text(record, one.value, one.half_width),
                    _moved(one.value - record.value),
                    _comes_out(one, words),
                ]
                for one in shown
            ],
            n_left=1,
        ),
        "",
        words("tried", n=len(record.tried), passes=record.passes, chance=f"{record.by_chance:.1%}"),
    ]
    if record.left_out:
        lines += ["", words("left_out", reasons=words.listed(map(md_text, record.left_out)))]
    return lines


def _shown(record: AppealRecord) -> list[Tried]:
    rest = [one for one in record.tried if not one.comes_out and len(one.changes) == 1]
    largest = sorted(rest, key=lambda one: -abs(one.value - record.value))
    moved = [one for one in largest if one.value != record.value]
    return [*record.explained_by, *moved][:SHOWN]


def _verdict(record: AppealRecord, words: Words) -> str:
    if record.verdict != "explained":
        return words(record.verdict)
    best, *others = record.explained_by
    changes = md_text(changes_text(best, words))
    told = words("explained", changes=changes)
    return told + (words("others", n=len(others)) if others else "")


def _comes_out(one: Tried, words: Words) -> str:
    if not one.comes_out:
        return words("no")
    return words("yes_contradicts") if one.contradicts else words("yes")


def _moved(difference: float) -> str:
    return NOTHING if difference == 0 else f"{difference:+.3g}"


def _name(record: AppealRecord, words: Words) -> str:
    return record.id if record.title is None else record.title.in_language(words.language)
