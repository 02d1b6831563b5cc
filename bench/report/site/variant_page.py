"""The page of one variant: its card, with the curves of its losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from bench.report.card import card_of, card_page
from bench.report.site.markup import Links, html_of
from bench.report.texts import Language
from catalog.schema import Variant

if TYPE_CHECKING:
    from bench.report.site.pages import Library


def variant_html(variant: Variant, library: Library, language: Language, links: Links) -> Markup:
    """The card of a variant as HTML."""
    card = card_of(variant.id, library.registry, library.boards)
    return html_of(card_page(card, language), links)
