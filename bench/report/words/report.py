"""Words of a report by language; both languages have the same keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from bench.report.words.report_en import EN
from bench.report.words.report_zh import ZH

Language = Literal["en", "zh"]

TEXTS: dict[Language, dict[str, str]] = {"en": EN, "zh": ZH}


class Words:
    """The texts of one language, those of the leaderboard unless others are given."""

    def __init__(
        self, language: Language, texts: Mapping[Language, Mapping[str, str]] = TEXTS
    ) -> None:
        self.language = language
        self._texts = texts[language]

    def __call__(self, key: str, /, **values: object) -> str:
        """The text called ``key`` with its blanks filled in."""
        return self._texts[key].format(**values)

    def join(self, items: list[str]) -> str:
        """A list in a sentence."""
        return ("、" if self.language == "zh" else ", ").join(items)

    def sentences(self, parts: list[str]) -> str:
        """Sentences of one paragraph: Chinese leaves no space between them."""
        return ("" if self.language == "zh" else " ").join(parts)
