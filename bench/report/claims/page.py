"""The claims page as Markdown, and its numbers as CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from bench.report.claims.evaluate import Judged, Tested, n_comparisons
from bench.report.words import Language, Words
from bench.report.words.spelling import NOTHING, page_label
from bench.stats.effects import ClaimVerdict, level_of, overall
from catalog.escaping import md_text, sheet_cell
from catalog.markdown_table import markdown_table
from catalog.schema import Protocol, Registry, Suite

COLUMNS = (
    *("claim", "verdict", "comparison", "suite", "effect", "metric", "rows", "against"),
    *("value", "ci_low", "ci_high", "level", "supports", "boundary", "verdict_of_comparison", "n"),
    *("role", "exploratory"),
)

COUNTED: tuple[ClaimVerdict, ...] = ("supported", "refuted", "undecided", "described", "untested")


def claims_page(
    judged: Sequence[Judged], suite: Suite, registry: Registry, language: Language
) -> str:
    """The whole page, ending in one line break; no dates, no absolute paths.

    Args:
        judged: every claim with its effects.
        suite: that was reported on.
        registry: names of data set and protocol.
        language: of the page.
    """
    words = Words(language, "claims")
    dataset = md_text(registry.dataset(suite.dataset).name.in_language(language))
    protocol = registry.protocol(suite.protocol)
    lines = [
        f"# {words('title', suite=md_text(suite.title.in_language(language)))}",
        *("", words("intro", dataset=dataset, steps=suite.steps)),
        *("", f"## {words('summary')}", "", *_summary(judged, words)),
        *("", f"## {words('details')}"),
        *(line for place, one in enumerate(judged, 1) for line in _claim(place, one, words)),
        *("", f"## {words('method')}", "", *_method(judged, protocol, words)),
        *("", f"## {words('again')}", "", *_again(judged, suite, words)),
    ]
    return "\n".join(lines) + "\n"


def claims_csv(judged: Sequence[Judged]) -> str:
    """One line per comparison, plain numbers to the last digit."""
    level = level_of(n_comparisons(one.claim for one in judged))
    rows = [
        {
            "claim": one.claim.id,
            "verdict": one.verdict,
            "comparison": sheet_cell(test.comparison.text.en),
            "suite": test.suite,
            "effect": test.comparison.effect,
            "metric": "" if test.comparison.counts_collapses else test.comparison.metric,
            "rows": " ".join(test.comparison.rows),
            "against": " ".join(test.comparison.against),
            "value": test.effect.value if test.effect else None,
            "ci_low": test.effect.low if test.effect else None,
            "ci_high": test.effect.high if test.effect else None,
            "level": level,
            "supports": test.comparison.supports,
            "boundary": test.comparison.boundary,
            "verdict_of_comparison": test.verdict,
            "n": test.counts,
            "role": test.comparison.role,
            "exploratory": str(test.comparison.exploratory).lower(),
        }
        for one in judged
        for test in one.tests
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS, dtype=object)
    return frame.to_csv(index=False, lineterminator="\n")


def _summary(judged: Sequence[Judged], words: Words) -> list[str]:
    rows = [
        [str(place), _quote(one, words), _verdict(one, words), _tally(one, words)]
        for place, one in enumerate(judged, 1)
    ]
    return markdown_table(["", *words.each("claim", "verdict", "tests")], rows, n_left=4)


def _verdict(one: Judged, words: Words) -> str:
    """The verdict on a claim, and what exploratory comparisons would have made it."""
    told = overall(one.verdicts(exploratory=True))
    if one.verdict != "undecided" or told not in ("supported", "refuted", "mixed"):
        return words(one.verdict)
    return words("exploratory_verdict", verdict=words(one.verdict), told=words(f"plain_{told}"))


def _tally(one: Judged, words: Words) -> str:
    """How many comparisons came out how, those that decide first."""
    parts = []
    for exploratory in (False, True):
        counts = Counter(one.verdicts(exploratory=exploratory))
        if told := [words(f"n_{name}", n=counts[name]) for name in COUNTED if counts[name]]:
            listed = words.join(told)
            parts.append(words("n_exploratory", list=listed) if exploratory else listed)
    if n_aside := sum(test.comparison.role == "aside" for test in one.tests):
        parts.append(words("n_aside", n=n_aside))
    return words("semicolon").join(parts)


def _claim(place: int, one: Judged, words: Words) -> list[str]:
    claim = one.claim
    about = [words("line", line=claim.line)]
    if claim.errata:
        about.append(words("errata", list=words.join(list(claim.errata))))
    rows = [
        [
            md_text(test.comparison.text.in_language(words.language)) + _mark(test, words),
            _effect(test, words),
            NOTHING if test.comparison.role == "description" else _needs(test, words),
            test.counts or NOTHING,
            words(f"aside_{test.verdict}" if test.comparison.role == "aside" else test.verdict),
        ]
        for test in one.tests
    ]
    headers = words.each("compared", "effect", "needs", "n", "verdict")
    original = [] if words.language == "zh" else ["", f"> {md_text(claim.claim_zh)}"]
    return [
        *("", f"### {place}. {_quote(one, words)} {_verdict(one, words)}"),
        *original,
        *("", words.sentences(about)),
        *("", *markdown_table(headers, rows, n_left=1)),
        *("", md_text(claim.remark.in_language(words.language))),
    ]


def _mark(test: Tested, words: Words) -> str:
    """What keeps a comparison from deciding anything; empty for a test that was planned."""
    aside = test.comparison.role == "aside"
    marks = [key for key in ("aside",) if aside] + ["exploratory"] * test.comparison.exploratory
    return "".join(words("mark", what=words(key)) for key in marks)


def _quote(one: Judged, words: Words) -> str:
    claim = one.claim
    return f"“{md_text(claim.claim_zh if words.language == 'zh' else claim.claim_en)}”"


def _effect(test: Tested, words: Words) -> str:
    if test.effect is None:
        return NOTHING
    unit, (value, *ends) = _spelled(test, test.effect.value, *test.effect.ends)
    if test.effect.low is not None:
        value = words("interval", value=value, low=ends[0], high=ends[1])
    return words(unit, value=value)


def _needs(test: Tested, words: Words) -> str:
    unit, (boundary,) = _spelled(test, test.comparison.boundary)
    return words(test.comparison.supports, boundary=words(unit, value=boundary))


def _spelled(test: Tested, *values: float | None) -> tuple[str, list[str]]:
    """The unit of a comparison, by its key, and numbers in it; all but ratios are percentages."""
    if test.comparison.effect == "ratio":
        return "ratio", [NOTHING if value is None else f"{value:.3g}" for value in values]
    unit = "share" if test.comparison.effect == "collapse-share" else "points"
    return unit, [NOTHING if value is None else f"{100 * value:z.1f}" for value in values]


def _method(judged: Sequence[Judged], protocol: Protocol, words: Words) -> list[str]:
    n = n_comparisons(one.claim for one in judged)
    paragraphs = [
        words("method_effects", distance=page_label("fid", protocol.extractor)),
        words("method_level", n=n, level=level_of(n)),
        *words.each("method_verdict", "method_roles", "method_rows", "counts"),
    ]
    return [f"- {paragraph}" for paragraph in paragraphs]


def _again(judged: Sequence[Judged], suite: Suite, words: Words) -> list[str]:
    suites = dict.fromkeys([suite.id, *(test.suite for one in judged for test in one.tests)])
    language = "" if words.language == "en" else f" --lang {words.language}"
    return [
        words("again_body"),
        *("", "```sh"),
        *(f"aigc bench run {name}" for name in suites),
        f"aigc report claims {suite.id} --runs runs{language}",
        "```",
    ]
