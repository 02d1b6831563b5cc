"""Every sentence of a page, by language and kind of page; the texts stand in ``LANGUAGE.toml``.

A text is a template of ``str.format``. How numbers are spelled is in ``spelling``, how rows are in
``rows``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

PageKind = Literal[
    "leaderboard", "card", "site", "charts", "claims", "compare", "findings", "judges", "appeals"
]
"""Of a page. A card reads the texts of a leaderboard too, below its own: they name samplers."""


@cache
def texts_of(language: Language) -> dict[PageKind, dict[str, str]]:
    """All templates of a language by kind of page and key."""
    file = files("bench.report.words").joinpath(f"{language}.toml")
    texts: dict[PageKind, dict[str, str]] = tomllib.loads(file.read_text(encoding="utf-8"))  # type: ignore[assignment]
    return texts | {"card": texts["leaderboard"] | texts["card"]}


def localized(name: str, language: Language) -> str:
    """The name of a file in a language: ``claims.md`` is ``claims.zh-CN.md`` in Chinese."""
    stem, dot, suffix = name.rpartition(".")
    return name if language == "en" else f"{stem}.zh-CN{dot}{suffix}"


class Words:
    """The texts of one kind of page in one language."""

    def __init__(self, language: Language, kind: PageKind = "leaderboard") -> None:
        self.language = language
        self._kind = kind
        self._texts = texts_of(language)[kind]

    def __call__(self, key: str, /, **values: object) -> str:
        """The text called ``key`` with its blanks filled in.

        Raises:
            LookupError: there is no such text, or a value is missing for one of its blanks.
        """
        if key not in self._texts:
            raise LookupError(f"{self.language}.toml has no '{key}' for pages of {self._kind}")
        return self._texts[key].format(**values)

    def of(self, kind: PageKind) -> Words:
        """The texts of another kind of page in the same language."""
        return Words(self.language, kind)

    def each(self, *keys: str) -> list[str]:
        """Several texts without blanks, such as the headings of a table."""
        return [self(key) for key in keys]

    def join(self, items: list[str]) -> str:
        """A list in a sentence."""
        return ("、" if self.language == "zh" else ", ").join(items)

    def listed(self, items: Iterable[str]) -> str:
        """A list of items that may have commas of their own."""
        return ("；" if self.language == "zh" else "; ").join(items)

    def sentences(self, parts: list[str]) -> str:
        """Sentences of one paragraph: Chinese leaves no space between them."""
        return ("" if self.language == "zh" else " ").join(parts)
