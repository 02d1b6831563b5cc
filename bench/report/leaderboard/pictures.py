"""The pictures of a report page: charts and the wall of samples, each with its words."""

from __future__ import annotations

from dataclasses import dataclass

from bench.report.board.table import Leaderboard
from bench.report.charts import KINDS, BoardInWords, drawn
from bench.report.leaderboard.wall import Wall
from bench.report.words import Language, Words, localized
from catalog.escaping import md_label, md_target
from catalog.schema import Registry

CHARTS_FOLDER = "charts"
"""Beside the page."""
WALL = f"{CHARTS_FOLDER}/wall.png"


@dataclass(frozen=True)
class PagePicture:
    """A file that a page shows.

    Attributes:
        path: relative to the page.
        content: text of an SVG file, or the bytes of another.
        alt: what it shows, for readers who do not see it.
        caption: how to read it; Markdown.
    """

    path: str
    content: str | bytes
    alt: str
    caption: str

    @property
    def markdown(self) -> list[str]:
        """The picture and its caption as paragraphs."""
        return [f"![{md_label(self.alt)}]({md_target(self.path)})", "", self.caption]


def pictures_of(
    board: Leaderboard, registry: Registry, language: Language, wall: Wall | None
) -> dict[str, PagePicture]:
    """Everything there is to show, by kind: ``wall`` and the kinds of charts.

    Args:
        board: what is shown.
        registry: families of the variants.
        language: of the words.
        wall: of the same board; it has no language.

    Raises:
        InvalidInput: the curve of a run is broken.
    """
    found = {} if wall is None else {"wall": _wall(board, registry, language, wall)}
    for kind, chart in drawn(board, registry, language).items():
        found[kind] = PagePicture(chart_path(kind, language), chart.svg, chart.alt, chart.caption)
    return found


def chart_path(kind: str, language: Language) -> str:
    """Where a chart lies, seen from its page."""
    return f"{CHARTS_FOLDER}/{localized(f'{kind}.svg', language)}"


def known_paths(language: Language) -> set[str]:
    """Every path that a picture of a page in some language can have."""
    return {WALL, *(chart_path(kind, language) for kind in KINDS)}


def _wall(board: Leaderboard, registry: Registry, language: Language, wall: Wall) -> PagePicture:
    say = Words(language, "charts")
    which = "wall_all" if wall.n_variants == wall.total else "wall_some"
    said = say(which, n=wall.n_variants, total=wall.total)
    left_out = BoardInWords(board, registry, language).left_out()
    caption = say.sentences([say("wall_caption", which=said), *left_out])
    return PagePicture(WALL, wall.png, say("wall_alt", rows=say.join(list(wall.names))), caption)
