"""Which pages the site has in one language, and what each of them shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from markupsafe import Markup

from bench.report.board.table import Leaderboard
from bench.report.card.page import page_name
from bench.report.card.write import CARDS_FOLDER, card_texts
from bench.report.claims.evaluate import judge
from bench.report.claims.page import claims_page
from bench.report.leaderboard.pictures import WALL
from bench.report.site.answers import answer_of
from bench.report.site.board_page import board_values
from bench.report.site.board_rows import best_rows
from bench.report.site.catalogue import CatalogueInWords, diagrams
from bench.report.site.markup import Copies, SiteLinks, html_of
from bench.report.site.shell import SitePage
from bench.report.words import Language, Words
from catalog.browse.items import counts
from catalog.browse.vocabulary import FAMILIES, KINDS, ORIGINS, SEVERITIES
from catalog.schema import Load, Registry, Variant

CLAIMS_SUITE = "digits"
"""The suite whose table the article's claims are tested on where they name none."""
EXAMPLE = "E-01"
"""The correction that the first page shows."""

_ERRATUM = re.compile(r"\b([EGK]-(?:\d{2}|G\d))\b")


@dataclass(frozen=True)
class Library:
    """What all pages are made from.

    Attributes:
        boards: tables by suite.
        reports: the folder of all reports.
        copies: files of the reports that pages show.
    """

    registry: Registry
    boards: Mapping[str, Leaderboard]
    reports: Path
    copies: Copies


def page_names(registry: Registry, boards: Mapping[str, Leaderboard]) -> frozenset[str]:
    """Names of all pages, which are the same in every language."""
    fixed = ("index", "variants", "article", "errata", "catalogue", "graph", "method")
    tables = ("leaderboards", *(f"leaderboard-{suite}" for suite in boards)) if boards else ()
    claims = ("claims",) if registry.claims and CLAIMS_SUITE in boards else ()
    return frozenset([*fixed, *tables, *claims, *(f"variant-{name}" for name in registry.rows)])


class Pages:
    """The pages of one language."""

    def __init__(self, library: Library, language: Language) -> None:
        self.library = library
        self.language = language
        self.words = Words(language, "site")
        self.names = page_names(library.registry, library.boards)
        self.best = best_rows(library.boards, self.words)
        self.catalogue = CatalogueInWords(library.registry, language, self.best)

    def all(self) -> Iterator[SitePage]:
        """Every page of ``page_names`` once."""
        yield self._index()
        yield self._catalogue()
        yield self._page("errata", corrections=self.catalogue.corrections(), severities=SEVERITIES)
        yield self._page("article", quotes=self.catalogue.quotes())
        yield self._page(
            "graph", drawings=diagrams(self.library.registry, self.language, self.words)
        )
        yield self._prose("method", "method", self._method())
        yield self._variants()
        yield from map(self._variant, self.library.registry.variants)
        yield from map(self._variant, self.library.registry.loads)
        yield from self._tables()
        if "claims" in self.names:
            yield self._prose("claims", "claims", self._claims())

    def links(self, base: str) -> SiteLinks:
        """How the links of a Markdown file in a folder of the reports lead on."""
        return SiteLinks(base, self.language, self.names, self.library.copies)

    @cached_property
    def _answers(self) -> dict[str, object]:
        """What each table says to somebody who has to choose, for tables that have a row."""
        found = {
            name: answer_of(board, self.library.registry, self.words)
            for name, board in self.library.boards.items()
        }
        return {name: answer for name, answer in found.items() if answer is not None}

    def _page(self, name: str, **values: object) -> SitePage:
        return SitePage(name, f"{name}.html", self.words(name), name, values)

    def _prose(self, name: str, menu: str, html: Markup) -> SitePage:
        return SitePage(name, "prose.html", self.words(name), menu, {"html": html})

    def _index(self) -> SitePage:
        registry, corrections = self.library.registry, self.catalogue.corrections()
        return self._page(
            "index",
            doors=[self._door(board) for board in self._main_boards()],
            counts=counts(registry),
            n_variants=len(registry.variants),
            n_trained=len(self.best),
            n_claims=len(registry.claims),
            wall=self.links(".").copied(f"{CLAIMS_SUITE}/{WALL}"),
            example=next((one for one in corrections if one.erratum.id == EXAMPLE), None),
        )

    def _main_boards(self) -> list[Leaderboard]:
        """The longest table of each data set."""
        found: dict[str, Leaderboard] = {}
        for board in sorted(self.library.boards.values(), key=lambda one: -len(one.rows)):
            found.setdefault(board.suite.dataset, board)
        return sorted(found.values(), key=lambda one: (one.protocol.channels, one.suite.dataset))

    def _door(self, board: Leaderboard) -> dict[str, object]:
        """A kind of images, and what to take for it."""
        registry, language = self.library.registry, self.language
        dataset = registry.dataset(board.suite.dataset)
        return {
            "suite": board.suite.id,
            "title": self.words(f"door_{dataset.channels}", size=dataset.resolution),
            "dataset": dataset.name.in_language(language),
            "answer": self._answers.get(board.suite.id),
            "n_rows": len(board.rows),
        }

    def _catalogue(self) -> SitePage:
        return self._page(
            "catalogue",
            entries=self.catalogue.entries(),
            kinds={key: text.in_language(self.language) for key, text in KINDS.items()},
            families={key: text.in_language(self.language) for key, text in FAMILIES.items()},
            origins={key: text.in_language(self.language) for key, text in ORIGINS.items()},
        )

    def _method(self) -> Markup:
        text = files("bench.report.site").joinpath(f"method.{self.language}.md")
        return html_of(text.read_text(encoding="utf-8"), self.links("."))

    def _claims(self) -> Markup:
        registry = self.library.registry
        suite = registry.suite(CLAIMS_SUITE)
        judged = judge(registry, self.library.boards, suite)
        html = html_of(claims_page(judged, suite, registry, self.language), self.links(suite.id))
        known = {erratum.id for erratum in registry.errata}

        def linked(match: re.Match[str]) -> str:
            name = match[1]
            return f'<a href="errata.html#{name.lower()}">{name}</a>' if name in known else name

        return Markup(_ERRATUM.sub(linked, html))  # noqa: S704 - ids of the registry

    def _variants(self) -> SitePage:
        registry, language = self.library.registry, self.language
        rows = [
            {
                "id": variant.id,
                "name": variant.name.in_language(language),
                "family": variant.family,
                "parent": variant.parent or "",
                "year": registry.resource(variant.paper).year or "",
                "summary": variant.summary.in_language(language),
                "place": self.best.get(variant.id),
            }
            for variant in registry.variants
        ]
        return self._page("variants", variants=rows)

    def _variant(self, variant: Variant | Load) -> SitePage:
        library = self.library
        files = card_texts(
            variant.id, library.registry, library.boards, library.reports, (self.language,)
        )
        text = files[library.reports / CARDS_FOLDER / page_name(variant.id, self.language)]
        title = variant.name.in_language(self.language)
        html = html_of(text, self.links(CARDS_FOLDER))
        return SitePage(f"variant-{variant.id}", "prose.html", title, "variants", {"html": html})

    def _tables(self) -> Iterator[SitePage]:
        registry, boards = self.library.registry, self.library.boards
        if boards:
            yield self._page(
                "leaderboards",
                doors=[self._door(one) for one in boards.values()],
                boards=boards,
                registry=registry,
            )
        for name, board in boards.items():
            values = board_values(board, registry, self.language, self.links(name))
            title = board.suite.title.in_language(self.language)
            more = {"answer": self._answers.get(name), "boards": boards}
            yield SitePage(
                f"leaderboard-{name}", "leaderboard.html", title, "leaderboards", values | more
            )
