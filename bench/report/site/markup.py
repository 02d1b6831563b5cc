"""Markdown of the reports as HTML of the site, with its links led to pages of the site.

A report's Markdown links to files beside it in the repository. Here such a link leads to the page
that shows the same, pictures are copied along, and a link to what the site does not hold becomes
plain text.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from bench.records.picture_files import MAX_BYTES, png_bytes, png_size
from bench.report.site.shell import root_of
from bench.report.words import Language
from catalog.escaping import link_target, visible_lines
from catalog.files import unlinked_bytes

COPIED = (".png", ".svg", ".csv")
"""What files of the reports the site has as well, by how their names end."""
_OUTSIDE = re.compile(r"[a-z]+:|#", re.IGNORECASE)
_ERRATUM = re.compile(r"[egk]-(?:\d{2}|g\d)")
_LANGUAGE = re.compile(r"\.zh-CN$")


@dataclass
class Copies:
    """Files of the reports that the site needs, by their place in it.

    Attributes:
        reports: the folder of all reports.
        files: place in the site → file.
    """

    reports: Path
    files: dict[str, Path] = field(default_factory=dict)

    def size(self, place: str) -> tuple[int, int] | None:
        """Width and height in pixels of a picture that was asked for; None where it has none."""
        source = self.files.get(place)
        if source is None or source.suffix != ".png":
            return None
        return png_size(png_bytes(source))

    def add(self, path: str) -> str | None:
        """Ask for a file, given below the reports; its place in the site, or None without one."""
        source = self.reports / path
        if not source.is_file():
            return None
        place = f"files/{path}"
        self.files[place] = source
        return place


def copied_bytes(source: Path) -> bytes:
    """The content of a file of the reports, which strangers contribute to.

    Raises:
        InvalidInput: it is a link, no regular file or too large, or no picture where it should be.
    """
    return png_bytes(source) if source.suffix == ".png" else unlinked_bytes(source, MAX_BYTES)


@dataclass(frozen=True)
class SiteLinks:
    """Where links of a Markdown file lead on the site.

    Attributes:
        base: folder of the file, below the reports.
        language: of the page that it becomes.
        pages: names of the site's pages.
    """

    base: str
    language: Language
    pages: frozenset[str]
    copies: Copies

    def copied(self, path: str) -> str:
        """The address of a file that the page needs, given below the reports; empty without it."""
        place = self.copies.add(path)
        return root_of(self.language) + place if place else ""

    def of(self, href: str) -> str | None:
        """The address on the site; None for what is not there, or is no web address."""
        if _OUTSIDE.match(href):
            return link_target(href)
        path, _, anchor = href.partition("#")
        path = posixpath.normpath(posixpath.join(self.base, path))
        if path.endswith(COPIED):
            return self.copied(path) or None
        page = _page_of(path)
        if page == "catalogue" and _ERRATUM.fullmatch(anchor):
            page = "errata"  # which the Markdown catalogue holds on the same page
        if page not in self.pages:
            return None
        return f"{page}.html" + (f"#{anchor}" if anchor else "")


def _page_of(path: str) -> str:
    """Name of the page that shows a Markdown file of the reports."""
    folder, name = posixpath.split(path.removesuffix(".md"))
    name = _LANGUAGE.sub("", name)
    special = {"claims": "claims", "catalog": "catalogue"}
    if folder == "cards":
        return f"variant-{name}"
    return special.get(name, f"{name}-{folder}")


def html_of(markdown: str, links: SiteLinks) -> Markup:
    """Markdown as HTML; its tables scroll on their own."""
    html = _rendered(markdown, links, inline=False)
    html = html.replace("<table>", '<div class="scroll" tabindex="0"><table>')
    return Markup(html.replace("</table>", "</table></div>"))  # noqa: S704 - of our own reports


def inline_html(markdown: str, links: SiteLinks) -> Markup:
    """One paragraph of Markdown, without the paragraph."""
    return Markup(_rendered(markdown, links, inline=True))  # noqa: S704 - of our own reports


def _rendered(markdown: str, links: SiteLinks, *, inline: bool) -> str:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown = visible_lines(markdown)
    tokens = parser.parseInline(markdown) if inline else parser.parse(markdown)
    for token in tokens:
        _lead(token.children or [], links)
    return str(parser.renderer.render(tokens, parser.options, {}))


def _lead(tokens: list[Token], links: SiteLinks) -> None:
    """Change addresses in place."""
    dropped = 0
    for token in tokens:
        if token.type == "image":
            named = str(token.attrs["src"])
            # a picture of another site would tell that one who reads
            source = "" if _OUTSIDE.match(named) else links.of(named) or ""
            size = links.copies.size(source.removeprefix(root_of(links.language)))
            token.attrs |= {"src": source, "loading": "lazy"}
            if size is not None:  # keeps the place of a picture that is not loaded yet
                token.attrs |= {"width": size[0], "height": size[1]}
        elif token.type == "link_open":
            target = links.of(str(token.attrs["href"]))
            if target is None:
                token.tag, token.attrs = "span", {}
                dropped += 1
            else:
                token.attrs["href"] = target
        elif token.type == "link_close" and dropped:
            token.tag = "span"
            dropped -= 1
