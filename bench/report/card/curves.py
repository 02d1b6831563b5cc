"""How the trainings of a variant went: the curves of the table that has most of them."""

from __future__ import annotations

from bench.records.files import CURVE
from bench.report.card.gather import Card, OnSuite
from bench.report.charts import SUFFIX, losses_svg
from bench.report.words.report import Language, Words

FOLDER = "curves"
"""Below the folder of cards."""


def curves_file(card: Card, language: Language) -> tuple[str, str] | None:
    """Path of the chart, seen from the folder of cards, and its SVG; None without a curve.

    Raises:
        InvalidInput: the curve of a run is broken.
    """
    one = _longest(card)
    svg = losses_svg(one.runs, language) if one else None
    return None if svg is None else (_path(card, language), svg)


def curves_part(card: Card, words: Words) -> list[str]:
    """The chart as Markdown."""
    one = _longest(card)
    if one is None:
        return []
    n = len([run for run in one.runs if run.train.status == "success"])
    text = words("curves_text", suite=one.suite.id, n=n, steps=one.suite.steps)
    return [text, "", f"![{words('curves_alt')}]({_path(card, words.language)})"]


def _path(card: Card, language: Language) -> str:
    return f"{FOLDER}/{card.variant.id}{SUFFIX[language]}"


def _longest(card: Card) -> OnSuite | None:
    """The table with the most trainings that left a curve, the first of equal ones."""
    with_curves = [
        one for one in card.suites if any((run.directory / CURVE).is_file() for run in one.runs)
    ]
    return max(with_curves, key=lambda one: len(one.runs), default=None)
