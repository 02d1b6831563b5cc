"""How pages spell an appeal: its number, and what was done otherwise."""

from __future__ import annotations

from bench.records.appeal_record import ALIASED, AppealRecord, Change, Tried
from bench.records.metric_names import metric_label
from bench.report.words import Words


def plain_metric(record: AppealRecord) -> str:
    """The metric with its judge, or what else was counted."""
    return (
        record.metric if record.extractor is None else metric_label(record.metric, record.extractor)
    )


def figure_text(record: AppealRecord, value: float, half_width: float = 0.0) -> str:
    """A measured number in five digits, or a count in all of its own."""
    if record.metric == "parameters":
        return f"{value:,.0f}"
    return f"{value:.5g}" if half_width == 0 else f"{value:.5g} ± {half_width:.2g}"


def changes_text(one: Tried, words: Words) -> str:
    """What was done otherwise, in plain text: ``JPEG quality: 75 instead of PNG``."""
    return words("and").join(_change(change, words) for change in one.changes)


def _change(change: Change, words: Words) -> str:
    stated, tried = (_spelled(text, words) for text in (change.stated, change.tried))
    return words("change", axis=words(f"axis_{change.axis}"), tried=tried, stated=stated)


def _spelled(text: str, words: Words) -> str:
    if text.endswith(ALIASED):
        return words("aliased", filter=text.removesuffix(ALIASED))
    return words(text) if text in ("yes", "no") else text
