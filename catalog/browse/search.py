"""Finding entries: by what they are, or by words in either language, with typos forgiven.

Text is compared after NFKC and case folding, with and without punctuation, by substring: Chinese
needs no word splitting for that. Only when nothing contains the words are near misses ranked.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from catalog.browse.vocabulary import FAMILIES, KINDS, MODALITIES, ORIGINS
from catalog.names import require_known
from catalog.schema import Resource

_NEAR_ENOUGH = 78.0
_SHORTEST_FUZZY = 3
_WHOLE, _START, _WORD, _INSIDE = 1.0, 0.9, 0.8, 0.6
"""How much of a field's weight a match earns: all of it, its start, a whole word, or any part."""


@dataclass(frozen=True)
class Hit:
    """An entry with its rank value; ``exact`` is False for a near miss."""

    resource: Resource
    score: float
    exact: bool


@dataclass(frozen=True)
class _Field:
    weight: float
    text: str
    bare: str


def select(
    resources: Iterable[Resource],
    *,
    kind: str | None = None,
    family: str | None = None,
    modality: str | None = None,
    origin: str | None = None,
    year: int | None = None,
) -> list[Resource]:
    """The entries that meet every condition, in their order; None means any.

    Raises:
        UsageError: no entry can have such a value.
    """
    require_known("kind", kind, KINDS)
    require_known("family", family, FAMILIES)
    require_known("modality", modality, MODALITIES)
    require_known("origin", origin, ORIGINS)
    return [
        one
        for one in resources
        if kind in (None, one.kind)
        and family in (None, one.family)
        and modality in (None, *one.modality)
        and origin in (None, one.origin)
        and year in (None, one.year)
    ]


def fold(text: str) -> str:
    """Text as it is compared: compatibility forms and case made equal, spaces collapsed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def searchable(resource: Resource) -> str:
    """Everything of an entry that a search looks into, folded, in both languages."""
    return " ".join(dict.fromkeys(field.text for field in _fields(resource)))


def search(resources: Iterable[Resource], text: str, limit: int | None = None) -> list[Hit]:
    """Entries that contain every word of ``text``, best first; near misses if there are none."""
    words = fold(text).split()
    if not words:
        return []
    indexed = [(resource, list(_fields(resource))) for resource in resources]
    hits = [
        Hit(resource, score, exact=True)
        for resource, fields in indexed
        if (score := _score(fields, words)) > 0
    ]
    if not hits:
        hits = list(_near_misses(indexed, " ".join(words)))
    hits.sort(key=lambda hit: (-hit.score, hit.resource.id))
    return hits[:limit]


def _fields(resource: Resource) -> Iterator[_Field]:
    weighted = [
        (100.0, (resource.id, resource.ids.arxiv, resource.ids.doi)),
        (96.0, resource.aliases),
        (90.0, (resource.title.en, resource.title.zh)),
        (60.0, tuple(FAMILIES[resource.family].model_dump().values()) if resource.family else ()),
        (50.0, (resource.kind, KINDS[resource.kind].zh, *resource.authors)),
        (50.0, (str(resource.sure_year or ""),)),
        (40.0, (resource.summary.en, resource.summary.zh)),
        (30.0, tuple(mention.quote for mention in resource.article)),
        (20.0, tuple(text for note in resource.notes for text in (note.en, note.zh))),
    ]
    for weight, texts in weighted:
        for text in filter(None, texts):
            folded = fold(text)
            yield _Field(weight, folded, _bare(folded))


def _score(fields: list[_Field], words: list[str]) -> float:
    """Mean over words of the best field that contains each; 0 if one is nowhere."""
    best = [max((_match(field, word) for field in fields), default=0.0) for word in words]
    return sum(best) / len(words) if all(best) else 0.0


def _match(field: _Field, word: str) -> float:
    bare = _bare(word)
    if word in field.text:
        quality = _quality(field.text, word)
    elif len(bare) >= _SHORTEST_FUZZY and bare in field.bare:
        quality = _quality(field.bare, bare)
    else:
        return 0.0
    return field.weight * quality


def _quality(text: str, word: str) -> float:
    if text == word:
        return _WHOLE
    if text.startswith(word):
        return _START
    at = text.find(word)
    ends = at + len(word) == len(text) or not text[at + len(word)].isalnum()
    return _WORD if not text[at - 1].isalnum() and ends else _INSIDE


def _near_misses(indexed: list[tuple[Resource, list[_Field]]], text: str) -> Iterator[Hit]:
    if len(text) < _SHORTEST_FUZZY:
        return
    from rapidfuzz import fuzz

    for resource, fields in indexed:
        names = [field.text for field in fields if field.weight >= 90.0]
        candidates = {word for name in names for word in (name, *name.replace("-", " ").split())}
        best = max(fuzz.ratio(text, candidate) for candidate in candidates)
        if best >= _NEAR_ENOUGH:
            yield Hit(resource, best, exact=False)


def _bare(text: str) -> str:
    return "".join(character for character in text if character.isalnum())
