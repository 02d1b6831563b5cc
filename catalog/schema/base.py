"""Building blocks of every entry: strictness, identifiers and bilingual text."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints


class Entry(BaseModel):
    """A frozen value that refuses unknown keys and wrong types."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=64)]
"""A stable key: lower-case words of letters and digits, joined by single hyphens."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Sentence = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Text(Entry):
    """One text in both languages."""

    en: Sentence
    zh: Sentence

    def in_language(self, language: str) -> str:
        """The text in ``zh`` or, for every other value, in English."""
        return self.zh if language == "zh" else self.en
