"""Words of a card by language, beside those of a leaderboard; both languages have the same keys."""

from __future__ import annotations

from bench.report.words.card_en import EN
from bench.report.words.card_zh import ZH
from bench.report.words.report import TEXTS as OF_LEADERBOARD
from bench.report.words.report import Language

TEXTS: dict[Language, dict[str, str]] = {
    "en": {**OF_LEADERBOARD["en"], **EN},
    "zh": {**OF_LEADERBOARD["zh"], **ZH},
}
"""A card's own words stand over those of a leaderboard, which name samplers, ranks and verdicts."""
