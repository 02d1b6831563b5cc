"""What all pages share: languages, addresses, the frame around a page, and how it is filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bench.report.words import Language, Words
from catalog.escaping import link_target, visible_lines

NAV = ("index", "leaderboards", "variants", "claims", "article", "errata", "catalogue", "graph")
"""Pages of the menu, in its order; ``method`` stands at the foot of every page as well."""


@dataclass(frozen=True)
class SitePage:
    """One page in one language.

    Attributes:
        name: of its file, without suffix; the same in every language.
        template: below ``templates/``.
        title: of the browser's tab.
        menu: entry of the menu that it belongs to.
        values: what the template reads beyond what all pages have.
    """

    name: str
    template: str
    title: str
    menu: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """Name of the file."""
        return f"{self.name}.html"


def policy(script: str = "'self'") -> str:
    """What a browser may do for a page: run ``script`` alone, fetch nothing, send nothing."""
    rules = {
        "default-src": "'none'",
        "script-src": script,
        "style-src": "'self' 'unsafe-inline'",  # the charts' own attributes
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def folder_of(language: Language) -> str:
    """Where the pages of a language are: English ones at the top."""
    return "" if language == "en" else f"{language}/"


def root_of(language: Language) -> str:
    """The way from a page to the top of the site."""
    return "" if language == "en" else "../"


SITE_POLICY = policy()


def _visible(value: object) -> object:
    """What fills a blank, control characters spelled out; Markdown and charts are so already."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible_lines(value)
    return value


def _is_web(address: str) -> bool:
    return address.startswith("http") and link_target(address) is not None


class Shell:
    """Turns pages of one language into HTML.

    Args:
        language: of the pages.
        names: of all pages, so that no menu leads nowhere.
        policy: of content security.
    """

    def __init__(
        self, language: Language, names: frozenset[str], policy: str = SITE_POLICY
    ) -> None:
        self.language = language
        self._policy = policy
        self.words = Words(language, "site")
        self._names = names
        self._environment = Environment(
            loader=PackageLoader("bench.report.site"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            finalize=_visible,
        )
        self._environment.tests["web"] = _is_web

    def html(self, page: SitePage) -> str:
        """The whole file."""
        other: Language = "zh" if self.language == "en" else "en"
        return self._environment.get_template(page.template).render(
            page=page,
            policy=self._policy,
            language=self.language,
            root=root_of(self.language),
            other=f"{root_of(self.language)}{folder_of(other)}{page.file}",
            menu=[name for name in NAV if name in self._names],
            pages=self._names,
            t=self.words,
            **page.values,
        )
