"""A comparison as a Markdown table, as notes in sentences, and as plain values for programs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from bench.records.record import MetricName
from bench.report.compare.judge import Judged, n_shared, n_tested
from bench.report.compare.pairs import Pairing
from bench.report.compare.sides import Standing
from bench.report.words.compare import TEXTS
from bench.report.words.report import Language, Words
from bench.report.words.spelling import NOTHING, estimate_text, metric_label, table
from bench.stats.verdict import POSITIVE, Finding


def comparison_table(judged: Sequence[Judged], metric: MetricName, language: Language) -> list[str]:
    """Lines of a Markdown table, one row per pair: verdict, reason, numbers of both sides."""
    words = Words(language, TEXTS)
    label = label_of(judged, metric, words)
    headers = [
        *(words("row"), words("verdict"), words("why"), "A", "B", words("seeds")),
        words("ratio" if metric in POSITIVE else "difference", metric=label),
    ]
    names = row_names(judged, words)
    n = n_tested(judged)
    rows = [
        [
            name,
            words(one.verdict),
            reason_of(one, n, words),
            estimate_text(one.pair.a.row.estimate(metric), interval=True),
            estimate_text(one.pair.b.row.estimate(metric) if one.pair.b else None, interval=True),
            f"{len(one.pair.a.seeds)} / {len(one.pair.b.seeds) if one.pair.b else 0}",
            _effect(one.finding, words),
        ]
        for name, one in zip(names, judged, strict=True)
    ]
    return table(headers, rows, n_left=3)


def notes(judged: Sequence[Judged], pairing: Pairing, language: Language) -> list[str]:
    """What a reader has to know beside the table, a sentence each; often nothing."""
    words = Words(language, TEXTS)
    by_fields: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, one in zip(row_names(judged, words), judged, strict=True):
        if one.pair.differs_in:
            by_fields[one.pair.differs_in].append(name)
    told = [
        words("differs", rows=words.join(rows), fields=words.join(list(fields)))
        for fields, rows in by_fields.items()
    ]
    if pairing.extra:
        extra = dict.fromkeys(_name(one, words) for one in pairing.extra)
        told.append(words("extra", rows=words.join(list(extra))))
    if pairing.n_foreign:
        told.append(words("foreign", n=pairing.n_foreign))
    if pairing.n_unmeasured:
        told.append(words("unmeasured", n=pairing.n_unmeasured))
    if n_tested(judged) > 1:
        told.append(words("holm", n=n_tested(judged)))
    named = list(zip(row_names(judged, words), judged, strict=True))
    shared = [words("shared_of", row=name, n=n_shared(x)) for name, x in named if n_shared(x)]
    if shared:
        told.append(words("shared", rows=words.join(shared)))
    blind = [name for name, x in named if x.finding and x.finding.noise == "unknown"]
    if blind:
        told.append(words("blind", rows=words.join(blind)))
    return told


def items(
    judged: Sequence[Judged], metric: MetricName, percent: float | None, language: Language
) -> list[dict[str, Any]]:
    """The same as values that JSON can hold: infinite changes are None.

    Args:
        judged: every pair.
        metric: that was compared.
        percent: the regression that is allowed, or None where nobody asked.
        language: of the reason.
    """
    words = Words(language, TEXTS)
    label = label_of(judged, metric, words)
    n = n_tested(judged)
    return [
        {
            "a": _side(one.pair.a, metric),
            "b": _side(one.pair.b, metric) if one.pair.b else None,
            "protocol": one.pair.a.protocol.id,
            "protocol_key": one.pair.a.protocol.key,
            "metric": metric,
            "label": label,
            "verdict": one.verdict,
            "reason": reason_of(one, n, words),
            **_numbers(one.finding),
            "losses": [{"seeds": list(x.seeds), "reason": x.reason} for x in one.pair.losses],
            "training_differs_in": list(one.pair.differs_in),
            "regression": None if percent is None else one.regresses(percent),
        }
        for one in judged
    ]


def regressions(judged: Sequence[Judged], percent: float) -> list[str]:
    """What B lost against A, by kind, in English; nothing if B is as good within the limits.

    Args:
        judged: every pair.
        percent: of A by which B may be worse.
    """
    words = Words("en", TEXTS)
    by_kind: dict[str, list[str]] = defaultdict(list)
    for name, one in zip(row_names(judged, words), judged, strict=True):
        if not one.regresses(percent):
            continue
        if one.verdict in ("missing", "failed") or one.finding is None:
            by_kind[words(one.verdict)].append(name)
        else:
            noise = words("noise_" + ("sampling" if one.finding.noise == "sampling" else "known"))
            kind = f"B is worse by more than {percent:g} % and {noise}"
            by_kind[kind].append(f"{name} by {one.finding.worse_by:.1f} %")
    # The longest message is cut, so what was measured goes before what is not there.
    kinds = sorted(by_kind, key=lambda kind: (kind == words("missing"), kind == words("failed")))
    return [f"{kind}: {words.join(by_kind[kind])}" for kind in kinds]


def label_of(judged: Sequence[Judged], metric: MetricName, words: Words) -> str:
    """The metric's name with its extractor's, and an arrow towards the better end."""
    first = judged[0].pair.a
    extractors = sorted({one.pair.a.protocol.extractor for one in judged})
    if metric in ("fid", "is", "kid"):
        name = "/".join(metric_label(metric, extractor) for extractor in extractors)
    else:
        distance = "/".join(metric_label("fid", extractor) for extractor in extractors)
        name = words(metric, distance=distance)
    entry = first.row.scores[0].record.metric(metric)
    rising = entry is not None and entry.higher_is_better
    return words("higher_better" if rising else "lower_better", metric=name)


def row_names(judged: Sequence[Judged], words: Words) -> list[str]:
    """How each pair is called; rows of one name also say protocol and training."""
    plain = [_pair_name(one, words) for one in judged]
    return [
        name if plain.count(name) == 1 else _pair_name(one, words, whole=True)
        for name, one in zip(plain, judged, strict=True)
    ]


def reason_of(one: Judged, n: int, words: Words) -> str:
    """Why the verdict is what it is, in one sentence; ``n`` pairs share Holm's correction."""
    found, verdict = one.finding, one.verdict
    if verdict == "failed":
        losses = [
            words("loss", seeds=words.join(list(map(str, x.seeds))), reason=x.reason)
            for x in one.pair.losses
        ]
        return words("why_failed", list="; ".join(losses))
    if found is None:
        return words("why_missing")
    if verdict == "identical":
        return words("why_identical", n=len(one.pair.a.seeds))
    if found.noise == "unknown":
        return words("why_unknown")
    p = _p_value(found.p_holm)
    if found.noise == "sampling":
        return words("why_sampling" if found.beyond_noise else "why_within_sampling", p=p)
    reason = _training_reason(found, n, p, words)
    if found.noise == "one side":
        return words.sentences([reason, words("why_one_side")])
    return reason


def _training_reason(found: Finding, n: int, p: str, words: Words) -> str:
    low, high = found.effect.low, found.effect.high
    if low is None or high is None:
        return words("why_unknown")
    ends = {
        "low": _number(low, found),
        "high": _number(high, found),
        "zero": f"{found.no_change:.0f}",
    }
    if found.beyond_noise:
        return words("why_decided_holm", p=p, n=n) if n > 1 else words("why_decided", **ends)
    if low <= found.no_change <= high:
        return words("why_undecided", **ends)
    return words("why_undecided_holm", p=p, n=n)


def _pair_name(one: Judged, words: Words, *, whole: bool = False) -> str:
    left = _name(one.pair.a, words, whole=whole)
    if one.pair.b is None or one.pair.b.row.key == one.pair.a.row.key:
        return left
    return words("beside", a=left, b=_name(one.pair.b, words, whole=whole))


def _name(one: Standing, words: Words, *, whole: bool = False) -> str:
    about = [one.row.key.sampler]
    if one.row.key.weights == "ema":
        about.append(words("ema"))
    if whole:
        about += [one.protocol.id, words("training", digest=one.training[:8])]
    return words("name", name=one.row.key.name, list=words.join(about))


def _effect(found: Finding | None, words: Words) -> str:
    if found is None:
        return NOTHING
    value = _number(found.effect.value, found)
    if found.effect.low is None or found.effect.high is None:
        return value
    low, high = (_number(end, found) for end in (found.effect.low, found.effect.high))
    return words("interval", value=value, low=low, high=high)


def _number(value: float, found: Finding) -> str:
    return f"{value:.3g}" if found.scale == "ratio" else f"{value:+.2g}"


def _p_value(value: float | None) -> str:
    if value is None:
        return NOTHING
    return "< 0.001" if value < 0.001 else f"= {value:.2g}"


def _side(one: Standing, metric: MetricName) -> dict[str, Any]:
    estimate = one.row.estimate(metric)
    return {
        "variant": one.row.key.name,
        "sampler": one.row.key.sampler,
        "weights": one.row.key.weights,
        "seeds": list(one.seeds),
        "mean": estimate.mean if estimate else None,
        "values": list(one.row.values(metric)),
    }


def _numbers(found: Finding | None) -> dict[str, Any]:
    worse_by = found.worse_by if found else None
    finite = worse_by is not None and math.isfinite(worse_by)
    return {
        "higher_is_better": found.higher_is_better if found else None,
        "effect": found.scale if found else None,
        "value": found.effect.value if found else None,
        "ci_low": found.effect.low if found else None,
        "ci_high": found.effect.high if found else None,
        "worse_by_percent": worse_by if finite else None,
        "noise": found.noise if found else None,
        "sampling_error": found.error if found else None,
        "p_value": found.p_value if found else None,
        "p_holm": found.p_holm if found else None,
    }
