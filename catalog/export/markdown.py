"""The whole catalogue as one Markdown page per language, pleasant to read on GitHub.

Owns layout and anchors. The pages are generated and committed; ``stale`` finds those that no longer
match the registry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from catalog.browse.items import claims_of, counts, errata_of, variants_of
from catalog.browse.vocabulary import (
    COLON,
    COMMA,
    FAMILIES,
    KINDS,
    ORIGINS,
    SEVERITIES,
    UNCONFIRMED,
    VERDICTS,
    number_text,
    terms,
)
from catalog.escaping import md_link, md_text, visible
from catalog.export.graph import corrected
from catalog.markdown_table import markdown_table
from catalog.schema import Erratum, Registry, Resource, Text

FILES = {"en": "catalog.md", "zh": "catalog.zh-CN.md"}

_MAX_AUTHORS = 3
_ADDRESS = re.compile(r"https?://[!-;=?-~]+")
_WORDS = terms({
    "title": ("Catalogue", "资源目录"),
    "other": ("[中文](catalog.zh-CN.md)", "[English](catalog.md)"),
    "generated": (
        "Generated from `registry.yaml` by `aigc catalog render`; do not edit.",
        "由`aigc catalog render`根据`registry.yaml`生成，请勿手工修改。",
    ),
    "intro": (
        ("Every item of the article, with line and quote, the facts that were checked, what is "
        "wrong with it, and what to read instead. Numbers are as published, each under its own "
        "protocol; those marked *unconfirmed* have no source that we could check."),
        ("逐条收录原文提到的内容，注明行号与原句，附上经核实的事实、错误更正与推荐改读。"
        "所列数值均为原作者公布，各自协议不同；标有*未核实*者尚无可查证的来源。"),
    ),
    "contents": ("Contents", "目录"), "graph": ("Concept graph, corrected", "更正后的概念关系图"),
    "errata": ("Errata", "勘误"), "line": ("line {}", "第{}行"),
    "where": ("Article, line {}", "原文第{}行"), "sources": ("Sources", "出处"),
    "claims": ("Tested by runs, in the claim", "由训练检验，见论断"),
    "instead": ("Read instead", "建议改读"), "runs": ("Runs as", "可运行变体"),
    "what": "类别", "count": ("entries", "条目数"), "et al": (" et al.", "等"),
})  # fmt: skip


def pages(registry: Registry) -> dict[str, str]:
    """File name and text of each page."""
    return {name: _Renderer(registry, language).page() for language, name in FILES.items()}


def stale(registry: Registry, folder: Path) -> list[Path]:
    """Pages in ``folder`` that are missing or differ from what would be written."""
    return [
        folder / name
        for name, text in pages(registry).items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]


class _Renderer:
    """One page in one language."""

    def __init__(self, registry: Registry, language: str) -> None:
        self.registry = registry
        self.language = language

    def page(self) -> str:
        blocks = [
            f"# {self._word('title')}",
            self._word("other"),
            f"<!-- {self._word('generated')} -->",
            self._word("intro"),
            self._contents(),
            f'<a id="graph"></a>\n\n## {self._word("graph")}',
            f"```mermaid\n{corrected(self.registry, self.language).rstrip()}\n```",
            *self._errata(),
            *self._kinds(),
        ]
        return "\n\n".join(blocks) + "\n"

    def _say(self, text: Text) -> str:
        return text.in_language(self.language)

    def _word(self, key: str) -> str:
        return self._say(_WORDS[key])

    def _contents(self) -> str:
        found = counts(self.registry)
        rows = [
            [f"[{self._say(KINDS[kind])}](#kind-{kind})", str(number)]
            for kind, number in found["kind"].items()
        ]
        errata = self._word("errata") + COLON[self.language]
        rows += [
            [f"[{errata}{self._say(SEVERITIES[severity])}](#{severity})", str(number)]
            for severity, number in found["errata severity"].items()
        ]
        rows.append([f"[{self._word('graph')}](#graph)", ""])
        table = markdown_table([self._word("what"), self._word("count")], rows)
        return "\n".join([f"## {self._word('contents')}", "", *table])

    def _errata(self) -> Iterator[str]:
        yield f"## {self._word('errata')}"
        for severity, name in SEVERITIES.items():
            found = [one for one in self.registry.errata if one.severity == severity]
            if found:
                yield f'<a id="{severity}"></a>\n\n### {self._say(name)}'
                yield "\n".join(map(self._erratum, found))

    def _erratum(self, erratum: Erratum) -> str:
        marks = [f"**{erratum.id}**", self._say(VERDICTS[erratum.verdict])]
        if erratum.certainty == "unsure":
            marks.append(f"*{self._say(UNCONFIRMED)}*")
        marks.append(self._word("line").format(", ".join(map(str, erratum.lines))))
        marks.append(self._linked(erratum.resources))
        sources = " · ".join(_source(source) for source in erratum.sources)
        lines = [
            f'- <a id="{erratum.id.lower()}"></a>{" · ".join(marks)}',
            f"「{_quote(erratum.claim_zh)}」",
            md_text(erratum.correction(self.language)),
            f"{self._word('sources')}{COLON[self.language]}{sources}",
        ]
        if claims := claims_of(self.registry, erratum):
            named = COMMA[self.language].join(f"`{name}`" for name in claims)
            lines.append(f"{self._word('claims')}{COLON[self.language]}{named}")
        return "<br>\n  ".join(lines)

    def _kinds(self) -> Iterator[str]:
        for kind, name in KINDS.items():
            found = [one for one in self.registry.resources if one.kind == kind]
            if found:
                yield f'<a id="kind-{kind}"></a>\n\n## {self._say(name).capitalize()}'
                yield "\n".join(map(self._entry, found))

    def _entry(self, resource: Resource) -> str:
        shown = md_link(self._say(resource.title), resource.url)
        tags = " · ".join([f"**{shown}** `{resource.id}`", *self._tags(resource)])
        summary = md_text(self._say(resource.summary))
        lines = [f'- <a id="{resource.id}"></a>{tags}', summary, *self._details(resource)]
        return "<br>\n  ".join(lines)

    def _tags(self, resource: Resource) -> Iterator[str]:
        yield self._say(ORIGINS[resource.origin])
        if resource.family:
            yield self._say(FAMILIES[resource.family])
        if resource.authors and resource.kind != "document":
            yield self._authors(resource)
        for field, value in (("year", resource.year), ("venue", resource.venue)):
            if value:
                mark = f" (*{self._say(UNCONFIRMED)}*)" if field in resource.unsure else ""
                yield f"{md_text(str(value))}{mark}"

    def _authors(self, resource: Resource) -> str:
        names = [name for name in resource.authors if name != "et al."]
        more = len(resource.authors) > min(len(names), _MAX_AUTHORS)
        return md_text(", ".join(names[:_MAX_AUTHORS])) + (self._word("et al") if more else "")

    def _linked(self, names: Iterable[str]) -> str:
        return COMMA[self.language].join(f"[{name}](#{name})" for name in names)

    def _details(self, resource: Resource) -> Iterator[str]:
        colon, comma = COLON[self.language], COMMA[self.language]
        for mention in resource.article:
            translated = f" ({md_text(mention.en)})" if mention.en and self.language == "en" else ""
            where = self._word("where").format(mention.line)
            yield f"{where}{colon}「{_quote(mention.quote)}」{translated}"
        errata = [
            f"[{one.id}](#{one.id.lower()}) {self._say(SEVERITIES[one.severity])}"
            for one in errata_of(self.registry, resource.id)
        ]
        better = [link.target for link in resource.relations if link.type == "read-instead"]
        runs = [f"`{variant.id}`" for variant in variants_of(self.registry, resource.id)]
        for key, said in (
            ("errata", comma.join(errata)),
            ("instead", self._linked(better)),
            ("runs", comma.join(runs)),
        ):
            if said:
                yield f"{self._word(key)}{colon}{said}"
        for number in resource.reported:
            yield md_text(number_text(number, self.language))


def _source(source: str) -> str:
    return f"<{source}>" if _ADDRESS.fullmatch(source) else md_text(source)


def _quote(quote: str) -> str:
    """A quote as code where Markdown would read it as something else, and code can hold it."""
    special = any(character in quote for character in "\\_*<>[]#`|$")
    is_code = special and "``" not in quote and visible(quote) == quote
    return f"`` {quote} ``" if is_code else md_text(quote)
