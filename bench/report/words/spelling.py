"""How pages spell numbers: with the digits that an interval deserves."""

from __future__ import annotations

from bench.machine.units import decimals_of, measured
from bench.records.metric_names import metric_label
from bench.stats.comparisons import Contrast, RankRange
from bench.stats.intervals import Estimate

NOTHING = "–"


def page_label(name: str, extractor: str) -> str:
    """``metric_label`` with the mark of a score that is no Inception score: ``IS*[digits-cnn]``."""
    return metric_label(name, extractor).replace("IS[", "IS*[")


def estimate_text(estimate: Estimate | None, scale: float = 1, *, interval: bool = False) -> str:
    """A centre with two digits of its uncertainty, or three digits where that is unknown.

    Args:
        estimate: what is known, or None for a dash.
        scale: factor to print it with.
        interval: whether to add both ends, as in ``12.3 (10.9–13.8)``, with a mark where they are
            no interval: ``36 (11–421, min–max)``.
    """
    if estimate is None:
        return NOTHING
    half = estimate.half_width
    decimals = decimals_of(half * scale, 2) if half else decimals_of(estimate.mean * scale, 3)
    mean = f"{estimate.mean * scale:z.{decimals}f}"
    if not interval or estimate.low is None or estimate.high is None:
        return mean
    low, high = (f"{end * scale:z.{decimals}f}" for end in (estimate.low, estimate.high))
    kind = ", min–max" if estimate.kind == "extent" else ""
    return f"{mean} ({low}{' – ' if estimate.low < 0 else '–'}{high}{kind})"


def value_text(value: float | None, scale: float = 1) -> str:
    """A number in two digits, or a dash."""
    return NOTHING if value is None else f"{value * scale:.{decimals_of(value * scale, 2)}f}"


def percent_text(rate: Estimate | None) -> str:
    """A share as a percentage."""
    return NOTHING if rate is None else f"{estimate_text(rate, 100)} %"


def ratio_text(contrast: Contrast) -> str:
    """A ratio in three digits with its interval, if there is one: ``0.83 (0.74–0.93)``."""
    if contrast.low is None or contrast.high is None:
        return f"{contrast.ratio:.3g}"
    return f"{contrast.ratio:.3g} ({contrast.low:.3g}–{contrast.high:.3g})"


def rank_text(rank: RankRange | None) -> str:
    """A place or a range of places: ``3``, ``1–23``; a dash for a row without a rank."""
    if rank is None:
        return NOTHING
    return str(rank.low) if rank.low == rank.high else f"{rank.low}–{rank.high}"


def number_text(value: float | None) -> str:
    """A number in three digits with a unit prefix: ``812``, ``19.2 k``, ``1.23 M``."""
    if value is None:
        return NOTHING
    for factor, prefix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= factor:
            return f"{value / factor:.{decimals_of(value / factor, 3)}f}{prefix}"
    return f"{value:.{decimals_of(value, 3)}f}" if value % 1 else f"{value:.0f}"


def seconds_text(seconds: float | None) -> str:
    """A measured duration, or a dash."""
    return NOTHING if seconds is None else measured(seconds)


def anchor(heading: str) -> str:
    """The fragment by which GitHub links to a heading of plain text."""
    kept = (letter for letter in heading.lower() if letter.isalnum() or letter in " -_")
    return "".join(kept).replace(" ", "-")
