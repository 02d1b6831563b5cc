"""The page of one variant: what it is, what was measured of it, and what its images look like."""

from bench.report.card.gather import Card, card_of
from bench.report.card.page import card_page

__all__ = ["Card", "card_of", "card_page"]
