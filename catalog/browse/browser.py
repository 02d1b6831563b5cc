"""The full-screen browser as a value: what is typed, what is selected, and what that looks like.

Knows nothing about terminals, so that every key and every frame can be tested; reading keys and
painting frames is ``catalog.browse.terminal``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from catalog.browse.page import Page
from catalog.browse.rankings import Rank
from catalog.browse.search import search
from catalog.browse.table import cut, table
from catalog.browse.vocabulary import COLUMNS, KINDS
from catalog.escaping import visible
from catalog.schema import Registry, Resource, Text

_HELP = Text(
    en="type to search · ↑↓ select · Enter open · ←→ kind · Tab 中文 · Esc back, quit",
    zh="输入即搜索 · ↑↓ 选择 · Enter 打开 · ←→ 类别 · Tab English · Esc 返回、退出",
)
_ALL = Text(en="all kinds", zh="全部类别")
_NOTHING = Text(en="nothing found", zh="没有找到")
_MARGIN_LINES = 4
_STEPS = {"up": -1, "down": 1, "page-up": -10, "page-down": 10}


@dataclass(frozen=True)
class Browser:
    """One moment of a session.

    Attributes:
        selected: index into ``found()``.
        opened: whether the selected entry's page is shown instead of the list.
        scroll: first line of the page that is visible.
        done: the session is over.
    """

    registry: Registry
    ranks: Mapping[str, Rank]
    language: str = "en"
    query: str = ""
    kind: str | None = None
    selected: int = 0
    opened: bool = False
    scroll: int = 0
    done: bool = False

    def found(self) -> list[Resource]:
        """Entries that the query and the kind leave over, best first."""
        pool = [one for one in self.registry.resources if self.kind in (None, one.kind)]
        return [hit.resource for hit in search(pool, self.query)] if self.query.strip() else pool

    def press(self, key: str) -> Browser:
        """The session after one key: a name such as ``up``, or a printable character."""
        if key == "quit":
            return replace(self, done=True)
        if key == "tab":
            return replace(self, language="en" if self.language == "zh" else "zh", scroll=0)
        return self._press_page(key) if self.opened else self._press_list(key)

    def frame(self, width: int, height: int) -> list[str]:
        """Exactly what fits on a screen of that size."""
        body = max(1, height - _MARGIN_LINES)
        shown = self._page(width, body) if self.opened else self._list(width, body)
        kind = KINDS[self.kind] if self.kind else _ALL
        count = f"{len(self.found())} / {len(self.registry.resources)}"
        head = f"> {self.query}▏  {kind.in_language(self.language)}  {count}"
        rule = "─" * width
        lines = [head, rule, *(shown + [""] * body)[:body], rule]
        lines.append(_HELP.in_language(self.language))
        return [cut(visible(line), width) for line in lines][:height]

    def _press_list(self, key: str) -> Browser:
        last = max(0, len(self.found()) - 1)
        if key in _STEPS:
            return replace(self, selected=min(last, max(0, self.selected + _STEPS[key])))
        if key in ("left", "right"):
            return replace(self, kind=self._next_kind(1 if key == "right" else -1), selected=0)
        if key == "enter":
            return replace(self, opened=bool(self.found()), scroll=0)
        if key == "escape":
            return replace(self, query="", selected=0) if self.query else replace(self, done=True)
        if key == "backspace":
            return replace(self, query=self.query[:-1], selected=0)
        if len(key) == 1 and key.isprintable():
            return replace(self, query=self.query + key, selected=0)
        return self

    def _press_page(self, key: str) -> Browser:
        steps = {**_STEPS, " ": 10}
        if key in steps:
            return replace(self, scroll=max(0, self.scroll + steps[key]))
        if key in ("escape", "backspace", "left", "q"):
            return replace(self, opened=False, scroll=0)
        return self

    def _next_kind(self, step: int) -> str | None:
        present = {resource.kind for resource in self.registry.resources}
        kinds: list[str | None] = [None, *[kind for kind in KINDS if kind in present]]
        return kinds[(kinds.index(self.kind) + step) % len(kinds)]

    def _list(self, width: int, body: int) -> list[str]:
        found = self.found()
        if not found:
            return [_NOTHING.in_language(self.language)]
        top = max(0, min(self.selected - (body - 2) // 2, len(found) - (body - 2)))
        rows = [
            [
                "▶" if index == self.selected else " ",
                one.id,
                KINDS[one.kind].in_language(self.language),
                str(one.sure_year or ""),
                one.title.in_language(self.language),
            ]
            for index, one in list(enumerate(found))[top : top + max(1, body - 2)]
        ]
        columns = [
            COLUMNS[name].in_language(self.language) for name in ("id", "kind", "year", "title")
        ]
        return table(["", *columns], rows, width)

    def _page(self, width: int, body: int) -> list[str]:
        resource = self.found()[self.selected]
        lines = Page(self.registry, resource, self.language, width, self.ranks).lines()
        top = min(self.scroll, max(0, len(lines) - body))
        return lines[top : top + body]
