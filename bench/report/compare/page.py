"""A comparison as a Markdown table, as notes in sentences, and as plain values for programs."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

from bench.records.metric_names import MetricName
from bench.report.compare.pairs import Pair, Pairing, rises, scale_of
from bench.report.compare.sides import Standing
from bench.report.words import Language, Words
from bench.report.words.spelling import NOTHING, estimate_text, page_label
from bench.stats.changes import Finding
from catalog.escaping import md_text
from catalog.markdown_table import markdown_table


class ComparisonPage:
    """What a comparison says in one language."""

    def __init__(self, pairing: Pairing, language: Language) -> None:
        self._words = words = Words(language, "compare")
        self._pairing = pairing
        names = [_pair_name(pair, words) for pair in pairing.pairs]
        self._named = [  # rows of one name also say protocol and training
            (name if names.count(name) == 1 else _pair_name(pair, words, whole=True), pair)
            for name, pair in zip(names, pairing.pairs, strict=True)
        ]

    def table(self) -> list[str]:
        """Lines of a Markdown table, one row per pair: verdict, reason, numbers of both sides."""
        words, metric = self._words, self._pairing.metric
        headers = [
            *(*words.each("row", "verdict", "why"), "A", "B", words("seeds")),
            words(scale_of(metric), metric=self._label),
        ]
        rows = [
            [
                name,
                words(pair.verdict),
                self._reason(pair),
                estimate_text(pair.a.row.estimate(metric), interval=True),
                estimate_text(pair.b.row.estimate(metric) if pair.b else None, interval=True),
                f"{len(pair.a.seeds)} / {len(pair.b.seeds) if pair.b else 0}",
                _effect(pair.finding, words),
            ]
            for name, pair in self._named
        ]
        return markdown_table(headers, rows, n_left=3)

    def notes(self) -> list[str]:
        """What a reader has to know beside the table, a sentence each; often nothing."""
        words, pairing = self._words, self._pairing
        by_fields: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for name, pair in self._named:
            if pair.differs_in:
                by_fields[pair.differs_in].append(name)
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
        if pairing.n_tested > 1:
            told.append(words("holm", n=pairing.n_tested))
        shared = [words("shared_of", row=name, n=n) for name, x in self._named if (n := x.n_shared)]
        if shared:
            told.append(words("shared", rows=words.join(shared)))
        blind = [name for name, x in self._named if x.finding and x.finding.noise == "unknown"]
        if blind:
            told.append(words("blind", rows=words.join(blind)))
        return told

    def items(self, percent: float | None) -> list[dict[str, Any]]:
        """The same as values that JSON can hold: infinite changes are None.

        Args:
            percent: the regression that is allowed, or None where nobody asked.
        """
        metric = self._pairing.metric
        return [
            {
                "a": _side(pair.a, metric),
                "b": _side(pair.b, metric) if pair.b else None,
                "protocol": pair.a.protocol.id,
                "protocol_key": pair.a.protocol.key,
                "metric": metric,
                "label": self._label,
                "verdict": pair.verdict,
                "reason": self._reason(pair),
                **_numbers(pair.finding),
                "losses": [{"seeds": list(x.seeds), "reason": x.reason} for x in pair.losses],
                "training_differs_in": list(pair.differs_in),
                "regression": None if percent is None else pair.regresses(percent),
            }
            for pair in self._pairing.pairs
        ]

    def regressions(self, percent: float) -> list[str]:
        """What B lost against A, by kind; nothing if B is as good within the limits.

        Args:
            percent: of A by which B may be worse.
        """
        words, missing = self._words, self._words("missing")
        by_kind: dict[str, list[str]] = defaultdict(list)
        for name, pair in self._named:
            if not pair.regresses(percent):
                continue
            if pair.verdict in ("missing", "failed") or pair.finding is None:
                by_kind[words(pair.verdict)].append(name)
            else:
                noise = "sampling" if pair.finding.noise == "sampling" else "known"
                kind = f"B is worse by more than {percent:g} % and {words(f'noise_{noise}')}"
                by_kind[kind].append(f"{name} by {pair.finding.worse_by:.1f} %")
        # The longest message is cut, so what was measured goes before what is not there.
        kinds = sorted(by_kind, key=lambda kind: (kind == missing, kind == words("failed")))
        return [f"{kind}: {words.join(by_kind[kind])}" for kind in kinds]

    @property
    def _label(self) -> str:
        """The metric's name with its extractor's, and an arrow towards the better end."""
        metric, pairs, words = self._pairing.metric, self._pairing.pairs, self._words
        extractors = sorted({pair.a.protocol.extractor for pair in pairs})
        plain = metric in ("fid", "is", "kid")
        name = "/".join(page_label(metric if plain else "fid", one) for one in extractors)
        if not plain:
            name = words(metric, distance=name)
        rising = rises(pairs[0].a, metric)
        return words("higher_better" if rising else "lower_better", metric=name)

    def _reason(self, pair: Pair) -> str:
        """Why the verdict is what it is, in one sentence."""
        words, found = self._words, pair.finding
        if pair.losses:
            losses = [
                words("loss", seeds=words.join(list(map(str, x.seeds))), reason=md_text(x.reason))
                for x in pair.losses
            ]
            return words("why_failed", list="; ".join(losses))
        if found is None:
            return words("why_missing")
        if found.noise == "none":
            return words("why_identical", n=len(pair.a.seeds))
        if found.noise == "unknown":
            return words("why_unknown")
        p, n = _p_value(found.p_holm), self._pairing.n_tested
        if found.noise == "sampling":
            return words("why_sampling" if found.beyond_noise else "why_within_sampling", p=p)
        low, high = (found.no_change if end is None else end for end in found.effect.ends)
        key = "why_decided" if found.beyond_noise else "why_undecided"
        if (found.beyond_noise and n > 1) or not (
            found.beyond_noise or low <= found.no_change <= high
        ):
            key += "_holm"
        zero = f"{found.no_change:.0f}"
        told = words(key, p=p, n=n, low=_number(low, found), high=_number(high, found), zero=zero)
        more = {"one side": "why_one_side", "same trainings": "why_same_trainings"}
        said = [words(more[found.noise])] if found.noise in more else []
        return words.sentences([told, *said])


def _pair_name(pair: Pair, words: Words, *, whole: bool = False) -> str:
    left = _name(pair.a, words, whole=whole)
    if pair.b is None or pair.b.row.key == pair.a.row.key:
        return left
    return words("beside", a=left, b=_name(pair.b, words, whole=whole))


def _name(one: Standing, words: Words, *, whole: bool = False) -> str:
    about = [one.row.key.sampler]
    if one.row.key.weights == "ema":
        about.append(words("ema"))
    if whole:
        about += [md_text(one.protocol.id), words("training", digest=one.training[:8])]
    return words("name", name=one.row.key.name, list=words.join(about))


def _effect(found: Finding | None, words: Words) -> str:
    if found is None:
        return NOTHING
    value, low, high = (
        NOTHING if x is None else _number(x, found)
        for x in (found.effect.value, *found.effect.ends)
    )
    return value if found.effect.low is None else words("interval", value=value, low=low, high=high)


def _number(value: float, found: Finding) -> str:
    return f"{value:.3g}" if found.scale == "ratio" else f"{value:+.2g}"


def _p_value(value: float | None) -> str:
    if value is None:
        return NOTHING
    return "< 0.001" if value < 0.001 else f"= {value:.2g}"


def _side(one: Standing, metric: MetricName) -> dict[str, Any]:
    return {
        "variant": one.row.key.name,
        "sampler": one.row.key.sampler,
        "weights": one.row.key.weights,
        "seeds": list(one.seeds),
        "mean": one.row.mean(metric),
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
