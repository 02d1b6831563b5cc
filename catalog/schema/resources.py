"""Entries that people browse: papers, models, tools and whatever else is worth citing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from catalog.schema.base import Entry, Id, Sentence, Text

ArxivId = Annotated[str, StringConstraints(pattern=r"^\d{4}\.\d{4,5}$")]


class Resource(Entry):
    """Something to read, use or know, with the facts that identify it."""

    id: Id
    kind: Literal["paper", "dataset", "tool"]
    origin: Literal["article", "added"]
    title: Text
    authors: tuple[Sentence, ...] = ()
    year: int | None = None
    venue: Sentence | None = None
    arxiv: ArxivId | None = None
    doi: Sentence | None = None
    url: Sentence
    summary: Text
