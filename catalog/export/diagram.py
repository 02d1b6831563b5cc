"""Small directed graphs as SVG: boxes in layers, solid arrows downwards, dotted ones across.

Owns layout and nothing of what a graph means. Colours are CSS classes, so that a page themes them;
layers follow the longest solid path, and boxes of a layer stand near those that they hang from
(the barycentre rule of Sugiyama, Tagawa and Toda, 1981).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from html import escape
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple

from catalog.browse.table import wrap

BOX_WIDTH, BOX_HEIGHT = 116, 56
GAP_X, GAP_Y = 10, 44
MARGIN = 12
SPREAD_PX = 60
"""Between the starts of dotted arrows out of one box."""
LINE_CELLS = 16
"""Terminal cells in one line of a box: a Chinese character takes two."""


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


class _Point(NamedTuple):
    """A place on the drawing, in pixels from its upper left corner."""

    x: float
    y: float


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
    centres = {
        box: _Point(
            (width + (2 * place + 1 - len(layer)) * (BOX_WIDTH + GAP_X)) / 2,
            MARGIN + depth * (BOX_HEIGHT + GAP_Y) + BOX_HEIGHT / 2,
        )
        for depth, layer in enumerate(layers)
        for place, box in enumerate(layer)
    }
    starts = [arrow.source if arrow.dotted else "" for arrow in arrows]
    paths, labels = [], []
    for index, arrow in enumerate(arrows):
        source, target = centres[arrow.source], centres[arrow.target]
        place, n_beside = starts[:index].count(starts[index]), starts.count(starts[index])
        aside = SPREAD_PX * (place - (n_beside - 1) / 2) if arrow.dotted else 0.0
        start, bend, end = _course(source, target, aside, dotted=arrow.dotted)
        paths.append(
            f'<path class="{arrow.css}{" dotted" * arrow.dotted}" marker-end="url(#{name}-head)" '
            f'd="M{start.x:.1f} {start.y:.1f}Q{bend.x:.1f} {bend.y:.1f} {end.x:.1f} {end.y:.1f}"/>'
        )
        if arrow.label:  # in the gap beside the box that the arrow comes from
            y = start.y + math.copysign(12 + 13 * place, start.y - source.y) + 4
            labels.append(
                f'<text class="label" x="{start.x:.1f}" y="{y:.1f}">{escape(arrow.label)}</text>'
            )
    lines = [
        (
            f'<svg class="diagram" role="group" aria-labelledby="{name}-title" '
            f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'xmlns="http://www.w3.org/2000/svg">'
        ),
        f'<title id="{name}-title">{escape(title)}</title>',
        (
            f'<defs><marker id="{name}-head" viewBox="0 0 8 8" refX="7" refY="4" '
            'markerWidth="7" markerHeight="7" orient="auto">'
            '<path class="head" d="M0 0 8 4 0 8z"/></marker></defs>'
        ),
        *paths,
        *(_box(box, centres[box.id]) for box in boxes),
        *labels,
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
    for name in TopologicalSorter(parents).static_order():
        depths[name] = 1 + max((depths[above] for above in parents[name]), default=-1)
    layers: list[list[str]] = [[] for _ in range(1 + max(depths.values()))]
    for box in boxes:
        layers[depths[box.id]].append(box.id)
    for above, layer in pairwise(layers):
        place = {name: index for index, name in enumerate(above)}
        hang = {name: [place[one] for one in parents[name] if one in place] for name in layer}
        layer.sort(key=lambda name: fmean(hang[name] or [math.inf]))
    return layers


def _box(box: Box, at: _Point) -> str:
    lines = wrap(box.label, LINE_CELLS, never_last="(（「《")
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


def _course(
    source: _Point, target: _Point, aside: float, *, dotted: bool
) -> tuple[_Point, _Point, _Point]:
    """Both ends of an arrow on the edges of its boxes, and the point that bends it between."""
    half = BOX_HEIGHT / 2
    if source.y == target.y:
        start, end = _Point(source.x + aside, source.y + half), _Point(target.x, target.y + half)
        return start, _Point((start.x + end.x) / 2, source.y + 2.2 * half), end
    down = 1 if target.y > source.y else -1
    bent = 0.28 * BOX_WIDTH * down if dotted else 0.0
    start = _Point(source.x + aside, source.y + down * half)
    end = _Point(target.x + bent, target.y - down * half)
    return start, _Point((start.x + end.x) / 2 + bent, (start.y + end.y) / 2), end
