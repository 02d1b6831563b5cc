"""How a published number is written: never bare when nobody has confirmed it."""

from __future__ import annotations

from catalog.browse.vocabulary import METRICS, UNCONFIRMED
from catalog.schema.resources import Reported


def number_text(number: Reported, language: str) -> str:
    """``FID 21.7 ± 0.21 on CIFAR-10, ResNet (source)``, with a mark when it is unconfirmed."""
    spread = f" ± {number.spread:g}" if number.spread is not None else ""
    mark = f" [{UNCONFIRMED.in_language(language)}]" if number.certainty == "unsure" else ""
    setting = f", {number.setting}" if number.setting else ""
    value = f"{number.value:g}{spread}{mark}"
    metric = METRICS.get(number.metric, number.metric) if language == "zh" else number.metric
    return f"{metric} {value}, {number.dataset}{setting} ({number.source})"
