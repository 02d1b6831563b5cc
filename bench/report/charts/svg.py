"""From a figure to SVG text: small, the same bytes every time, and readable by a screen reader."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from matplotlib.figure import Figure

from bench.report.charts.style import INK, LINE, PAPER
from catalog.escaping import visible

MAX_BYTES = 300_000
"""No chart of a report is larger."""

OWN_IDS = ("row-", "interval-", "seeds-", "reference-", "front-", "curve-")
"""How identifiers begin that charts give to their marks; those that matplotlib counts are noise."""

_SPACE = "http://www.w3.org/2000/svg"
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_GEOMETRY = ("d", "x", "y", "points", "transform", "width", "height")
_REFERENCE = re.compile(r"url\(#([^)]+)\)|^#(.+)$")
_FONT = re.compile(r"font-family: [^;]+")
_ANY_ID = re.compile(r"""( id="| aria-labelledby="|href="#|url\(#)([^")]+)""")
_THEME = {INK: "var(--ink)", LINE: "var(--line)", PAPER: "var(--paper)"}


def svg_text(
    figure: Figure, title: str, description: str, hover: Mapping[str, str] | None = None
) -> str:
    """A figure as SVG, ending in one line break.

    Args:
        figure: made and written within ``style.drawing``.
        title: short name for screen readers.
        description: what a reader who does not see the chart should know.
        hover: text that a browser shows over the artist with some ``gid``.
    """
    buffer = io.BytesIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=nothing)
    root = ET.fromstring(buffer.getvalue())  # noqa: S314 - made two lines above
    _slim(root)
    for group in root.iter("g"):
        text = (hover or {}).get(group.get("id", ""))
        if text:
            group.insert(0, _element("title", text))
    return _document(root, title, description)


def themed(svg: str) -> str:
    """The same chart for a page that inlines it: colours by custom properties, ids of its own.

    Ink, grid and background become ``var(--ink)``, ``var(--line)`` and ``var(--paper)``; every id
    gets a prefix made from the content, so that several charts can stand on one page.
    """
    prefix = f"c{hashlib.sha256(svg.encode()).hexdigest()[:8]}-"

    def renamed(match: re.Match[str]) -> str:
        names = [prefix + name for name in match[2].split(" ")]
        return match[1] + " ".join(names)

    svg = _ANY_ID.sub(renamed, svg)
    for sentinel, variable in _THEME.items():
        svg = svg.replace(sentinel, variable)
    return svg


def _slim(root: ET.Element) -> None:
    """Drop what an image does not need, and digits below a hundredth of a px."""
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for name, value in list(element.attrib.items()):
            del element.attrib[name]
            if not value.startswith("rotate(0 "):
                element.set(name.rpartition("}")[2], _shortened(name, value))
    used = {
        match[1] or match[2]
        for element in root.iter()
        for name, value in element.attrib.items()
        if name in ("href", "clip-path") and (match := _REFERENCE.search(value))
    }
    for element in root.iter():
        if not element.get("id", "").startswith(OWN_IDS) and element.get("id") not in used:
            element.attrib.pop("id", None)
    _unwrap(root)


def _shortened(name: str, value: str) -> str:
    if name in _GEOMETRY:
        value = _NUMBER.sub(lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), value)
        value = re.sub(r"(?<![\d.])-0(?![\d.])", "0", " ".join(value.split()))
        return re.sub(r"(?<=\d) L (?=[-\d])", " ", value) if name == "d" else value
    return _FONT.sub("font-family: sans-serif", value) if name == "style" else value


def _unwrap(parent: ET.Element) -> None:
    """Replace groups without attributes by what they hold; drop what holds and shows nothing."""
    children: list[ET.Element] = []
    for child in parent:
        _unwrap(child)
        child.text = child.text if child.tag in ("text", "title", "desc") else None
        child.tail = None
        # A style element would rule over the whole page that inlines the chart.
        if child.tag in ("metadata", "style") or (child.tag in ("g", "defs") and not len(child)):
            continue
        children += list(child) if child.tag == "g" and not child.attrib else [child]
    parent[:] = children


def _document(root: ET.Element, title: str, description: str) -> str:
    _, _, width, height = root.get("viewBox", "").split()
    root.attrib = {
        "xmlns": _SPACE,
        "width": width,
        "height": height,
        "viewBox": root.get("viewBox", ""),
        "role": "img",
        "aria-labelledby": "title desc",
        "stroke-linejoin": "round",
        "stroke-linecap": "butt",
    }
    root.insert(0, _element("title", title, id="title"))
    root.insert(1, _element("desc", description, id="desc"))
    lines = [ET.tostring(child, encoding="unicode") for child in root]
    root[:] = []
    root.text = "\n"
    start, _, end = ET.tostring(root, encoding="unicode").rpartition("\n")
    return "\n".join([start, *lines, end]) + "\n"


def _element(tag: str, text: str, **attributes: str) -> ET.Element:
    element = ET.Element(tag, attributes)
    element.text = visible(text)
    return element
