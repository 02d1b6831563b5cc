"""A page of the site in a browser, and what it complains of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Page, Request


@dataclass
class Visit:
    """A page in a browser, with everything that it complained of or asked for.

    Attributes:
        errors: messages of its console that are errors, and exceptions of its scripts.
        strays: addresses that it asked for outside its folder.
    """

    page: Page
    site: Path
    errors: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)

    def open(self, name: str) -> Page:
        """Go to a page by its place in the site."""
        self.page.goto((self.site / name.split("#")[0]).as_uri() + name[len(name.split("#")[0]) :])
        return self.page

    def heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{self.page.url}: {message.text}")

    def asked(self, request: Request) -> None:
        if not request.url.startswith((self.site.as_uri(), "data:")):
            self.strays.append(request.url)
