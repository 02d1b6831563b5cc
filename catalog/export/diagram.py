"""Small directed graphs as SVG: boxes in layers, solid arrows downwards, dotted ones across.

Owns layout and nothing of what a graph means. Colours are CSS classes, so that a page themes them;
layers follow the longest solid path, and boxes of a layer stand near those that they hang from
(the barycentre rule of Sugiyama, Tagawa and Toda, 1981).
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from statistics import fmean

BOX_WIDTH, BOX_HEIGHT = 116, 56
GAP_X, GAP_Y = 10, 44
MARGIN = 12
SPREAD_PX = 60
"""Between the starts of dotted arrows out of one box."""
LINE_CELLS = 16
"""Terminal cells in one line of a box: a Chinese character takes two."""


OPENING = "(（「《"
"""Characters that a line does not end with."""


@dataclass(frozen=True)
class Box:
    """A node: what it is called, and the page that it leads to, if any."""

    id: str
    label: str
    href: str = ""


@dataclass(frozen=True)
class Arrow:
    """A link between two boxes.

    Attributes:
        dotted: says something other than the order of layers, which it does not shape.
        label: stands beside it.
        css: class by which a page colours it.
    """

    source: str
    target: str
    dotted: bool = False
    label: str = ""
    css: str = "arrow"


@dataclass(frozen=True)
class Point:
    """A place on the drawing, in pixels from its upper left corner."""

    x: float
    y: float


@dataclass(frozen=True)
class Fan:
    """The place of a dotted arrow among those that leave the same box, and how many these are."""

    index: int
    size: int


def diagram_svg(boxes: Sequence[Box], arrows: Sequence[Arrow], title: str, name: str) -> str:
    """The whole drawing.

    Args:
        boxes: every node once.
        arrows: between them; solid ones must not run in circles.
        title: what the drawing shows, for those who do not see it.
        name: unique on the page, for the drawing's own ids.
    """
    layers = _layers(boxes, arrows)
    width = max(map(len, layers)) * (BOX_WIDTH + GAP_X) - GAP_X + 2 * MARGIN
    height = len(layers) * (BOX_HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN
    places = {
        box: Point(
            (width - len(layer) * (BOX_WIDTH + GAP_X) + GAP_X) / 2
            + place * (BOX_WIDTH + GAP_X)
            + BOX_WIDTH / 2,
            MARGIN + depth * (BOX_HEIGHT + GAP_Y) + BOX_HEIGHT / 2,
        )
        for depth, layer in enumerate(layers)
        for place, box in enumerate(layer)
    }
    head = (
        f'<svg class="diagram" role="group" aria-labelledby="{name}-title" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'xmlns="http://www.w3.org/2000/svg">'
    )
    marker = (
        f'<defs><marker id="{name}-head" viewBox="0 0 8 8" refX="7" refY="4" '
        'markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="head" d="M0 0 8 4 0 8z"/></marker></defs>'
    )
    fanned = list(zip(arrows, _fans(arrows), strict=True))
    lines = [
        head,
        f'<title id="{name}-title">{escape(title)}</title>',
        marker,
        *(_arrow(arrow, fan, places, name) for arrow, fan in fanned),
        *(_box(box, places[box.id]) for box in boxes),
        *(line for arrow, fan in fanned for line in _label(arrow, fan, places)),
        "</svg>",
    ]
    return "\n".join(lines)


def _layers(boxes: Sequence[Box], arrows: Sequence[Arrow]) -> list[list[str]]:
    """Ids by depth, each layer in the order in which it is drawn."""
    parents: dict[str, list[str]] = {box.id: [] for box in boxes}
    for arrow in arrows:
        if not arrow.dotted:
            parents[arrow.target].append(arrow.source)
    depths: dict[str, int] = {}
    for box in boxes:
        _depth(box.id, parents, depths)
    layers: list[list[str]] = [[] for _ in range(1 + max(depths.values()))]
    for box in boxes:
        layers[depths[box.id]].append(box.id)
    for above, layer in pairwise(layers):
        place = {name: index for index, name in enumerate(above)}
        layer.sort(key=lambda name: _barycentre(parents[name], place))
    return layers


def _depth(name: str, parents: Mapping[str, list[str]], depths: dict[str, int]) -> int:
    if name not in depths:
        depths[name] = 1 + max((_depth(p, parents, depths) for p in parents[name]), default=-1)
    return depths[name]


def _barycentre(parents: Sequence[str], place: Mapping[str, int]) -> float:
    known = [place[name] for name in parents if name in place]
    return fmean(known) if known else math.inf


def _box(box: Box, at: Point) -> str:
    lines = _lines(box.label)
    first = at.y - 7.5 * (len(lines) - 1) + 4.5
    spans = "".join(
        f'<text x="{at.x:g}" y="{first + 15 * index:g}">{escape(line)}</text>'
        for index, line in enumerate(lines)
    )
    shape = (
        f'<rect x="{at.x - BOX_WIDTH / 2:g}" y="{at.y - BOX_HEIGHT / 2:g}" rx="7" '
        f'width="{BOX_WIDTH}" height="{BOX_HEIGHT}"/>{spans}'
    )
    if box.href:
        return f'<a class="box" href="{escape(box.href)}">{shape}</a>'
    return f'<g class="box">{shape}</g>'


def _lines(label: str) -> list[str]:
    """A label in lines that fit a box; a word of letters stays whole, Chinese breaks anywhere."""
    lines = [""]
    for word in _words(label):
        if lines[-1] and _cells(lines[-1] + word.rstrip()) > LINE_CELLS:
            lines.append("")
        lines[-1] += word
    return [line.strip() for line in lines]


def _words(label: str) -> list[str]:
    words = [""]
    for character in label:
        if words[-1] and words[-1][-1] in OPENING:
            words[-1] += character
        elif _cells(character) == 2 or (
            words[-1] and (words[-1].endswith(" ") or _cells(words[-1][-1]) == 2)
        ):
            words.append(character)
        else:
            words[-1] += character
    return [word for word in words if word]


def _cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def _fans(arrows: Sequence[Arrow]) -> list[Fan]:
    """For each arrow, which of the dotted ones out of its box it is."""
    sources = [arrow.source if arrow.dotted else "" for arrow in arrows]
    return [
        Fan(sources[:index].count(source), sources.count(source))
        for index, source in enumerate(sources)
    ]


def _arrow(arrow: Arrow, fan: Fan, places: Mapping[str, Point], name: str) -> str:
    start, bend, end = _course(places[arrow.source], places[arrow.target], arrow, fan)
    css = f"{arrow.css} dotted" if arrow.dotted else arrow.css
    return (
        f'<path class="{css}" marker-end="url(#{name}-head)" '
        f'd="M{start.x:.1f} {start.y:.1f}Q{bend.x:.1f} {bend.y:.1f} {end.x:.1f} {end.y:.1f}"/>'
    )


def _label(arrow: Arrow, fan: Fan, places: Mapping[str, Point]) -> Iterator[str]:
    """What an arrow means, in the gap beside the box that it comes from."""
    if arrow.label:
        source, target = places[arrow.source], places[arrow.target]
        start, _, _ = _course(source, target, arrow, fan)
        away = -1 if start.y < source.y else 1
        y = start.y + away * (12 + 13 * fan.index) + 4
        yield f'<text class="label" x="{start.x:.1f}" y="{y:.1f}">{escape(arrow.label)}</text>'


def _course(source: Point, target: Point, arrow: Arrow, fan: Fan) -> tuple[Point, Point, Point]:
    """Both ends of an arrow on the edges of its boxes, and the point that bends it between."""
    half = BOX_HEIGHT / 2
    aside = SPREAD_PX * (fan.index - (fan.size - 1) / 2) if arrow.dotted else 0.0
    if source.y == target.y:
        start, end = Point(source.x + aside, source.y + half), Point(target.x, target.y + half)
        return start, Point((start.x + end.x) / 2, source.y + 2.2 * half), end
    down = 1 if target.y > source.y else -1
    start = Point(source.x + aside, source.y + down * half)
    end = Point(target.x + (0.28 * BOX_WIDTH * down if arrow.dotted else 0), target.y - down * half)
    bent = 0.28 * BOX_WIDTH * down if arrow.dotted else 0.0
    return start, Point((start.x + end.x) / 2 + bent, (start.y + end.y) / 2), end
