"""The whole catalogue as one Markdown page per language, pleasant to read on GitHub.

Owns layout and anchors. The pages are generated and committed; ``stale`` finds those that no longer
match the registry.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from catalog.browse.items import counts, errata_of, variants_of
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
)
from catalog.export.graph import corrected
from catalog.markdown_table import markdown_table
from catalog.schema import Erratum, Registry, Resource, Text

FILES = {"en": "catalog.md", "zh": "catalog.zh-CN.md"}

_MAX_AUTHORS = 3
_WORDS = {
    "title": Text(en="Catalogue", zh="资源目录"),
    "other": Text(en="[中文](catalog.zh-CN.md)", zh="[English](catalog.md)"),
    "generated": Text(
        en="Generated from `registry.yaml` by `aigc catalog render`; do not edit.",
        zh="由`aigc catalog render`根据`registry.yaml`生成，请勿手工修改。",
    ),
    "intro": Text(
        en="Every item of the article, with line and quote, the facts that were checked, what is "
        "wrong with it, and what to read instead. Numbers are as published, each under its own "
        "protocol; those marked *unconfirmed* have no source that we could check.",
        zh="逐条收录原文提到的内容，注明行号与原句，附上经核实的事实、错误更正与推荐改读。"
        "所列数值均为原作者公布，各自协议不同；标有*未核实*者尚无可查证的来源。",
    ),
    "contents": Text(en="Contents", zh="目录"),
    "graph": Text(en="Concept graph, corrected", zh="更正后的概念关系图"),
    "errata": Text(en="Errata", zh="勘误"),
    "line": Text(en="line {}", zh="第{}行"),
    "where": Text(en="Article, line {}", zh="原文第{}行"),
    "sources": Text(en="Sources", zh="出处"),
    "instead": Text(en="Read instead", zh="建议改读"),
    "runs": Text(en="Runs as", zh="可运行变体"),
    "what": Text(en="what", zh="类别"),
    "count": Text(en="entries", zh="条目数"),
    "et al": Text(en=" et al.", zh="等"),
}


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

    def _word(self, key: str) -> str:
        return _WORDS[key].in_language(self.language)

    def _label(self, words: dict[str, Text], key: str) -> str:
        return words[key].in_language(self.language)

    def _contents(self) -> str:
        found = counts(self.registry)
        rows = [
            [f"[{self._label(KINDS, kind)}](#kind-{kind})", str(number)]
            for kind, number in found["kind"].items()
        ]
        errata = self._word("errata") + COLON[self.language]
        rows += [
            [f"[{errata}{self._label(SEVERITIES, severity)}](#{severity})", str(number)]
            for severity, number in found["errata severity"].items()
        ]
        rows.append([f"[{self._word('graph')}](#graph)", ""])
        table = markdown_table([self._word("what"), self._word("count")], rows)
        return "\n".join([f"## {self._word('contents')}", "", *table])

    def _errata(self) -> Iterator[str]:
        yield f"## {self._word('errata')}"
        for severity in SEVERITIES:
            found = [erratum for erratum in self.registry.errata if erratum.severity == severity]
            if found:
                yield f'<a id="{severity}"></a>\n\n### {self._label(SEVERITIES, severity)}'
                yield "\n".join(line for erratum in found for line in self._erratum(erratum))

    def _erratum(self, erratum: Erratum) -> Iterator[str]:
        where = self._word("line").format(", ".join(map(str, erratum.lines)))
        named = COMMA[self.language].join(f"[{name}](#{name})" for name in erratum.resources)
        marks = [f"**{erratum.id}**", self._label(VERDICTS, erratum.verdict), where, named]
        if erratum.certainty == "unsure":
            marks.insert(2, f"*{UNCONFIRMED.in_language(self.language)}*")
        sources = " · ".join(_source(source) for source in erratum.sources)
        yield f'- <a id="{erratum.id.lower()}"></a>{" · ".join(marks)}<br>'
        yield f"  「{_inline(erratum.claim_zh)}」<br>"
        yield f"  {_safe(erratum.correction(self.language))}<br>"
        yield f"  {self._word('sources')}{COLON[self.language]}{sources}"

    def _kinds(self) -> Iterator[str]:
        for kind in KINDS:
            found = [resource for resource in self.registry.resources if resource.kind == kind]
            if found:
                yield f'<a id="kind-{kind}"></a>\n\n## {self._label(KINDS, kind).capitalize()}'
                yield "\n".join(line for resource in found for line in self._entry(resource))

    def _entry(self, resource: Resource) -> Iterator[str]:
        title = _safe(resource.title.in_language(self.language))
        shown = f"[{title}]({resource.url})" if resource.url else title
        yield f'- <a id="{resource.id}"></a>**{shown}** `{resource.id}`{self._tags(resource)}<br>'
        rest = [_safe(resource.summary.in_language(self.language)), *self._details(resource)]
        yield "  " + "<br>\n  ".join(rest)

    def _tags(self, resource: Resource) -> str:
        tags = [self._label(ORIGINS, resource.origin)]
        if resource.family:
            tags.append(self._label(FAMILIES, resource.family))
        if resource.authors and resource.kind != "document":
            tags.append(self._authors(resource))
        for field, text in (("year", str(resource.year or "")), ("venue", resource.venue or "")):
            if text:
                unsure = field in resource.unsure
                tags.append(
                    f"{text} (*{UNCONFIRMED.in_language(self.language)}*)" if unsure else text
                )
        return "".join(f" · {tag}" for tag in tags)

    def _authors(self, resource: Resource) -> str:
        names = [name for name in resource.authors if name != "et al."]
        more = len(resource.authors) > min(len(names), _MAX_AUTHORS)
        return ", ".join(names[:_MAX_AUTHORS]) + (self._word("et al") if more else "")

    def _details(self, resource: Resource) -> Iterator[str]:
        colon, comma = COLON[self.language], COMMA[self.language]
        for mention in resource.article:
            translated = f" ({mention.en})" if mention.en and self.language == "en" else ""
            where = self._word("where").format(mention.line)
            quote = f"「{_inline(mention.quote)}」"
            yield f"{where}{colon}{quote}{translated}"
        errata = errata_of(self.registry, resource.id)
        if errata:
            links = [
                f"[{e.id}](#{e.id.lower()}) {self._label(SEVERITIES, e.severity)}" for e in errata
            ]
            yield f"{self._word('errata')}{colon}{comma.join(links)}"
        better = [link.target for link in resource.relations if link.type == "read-instead"]
        if better:
            yield f"{self._word('instead')}{colon}{comma.join(f'[{n}](#{n})' for n in better)}"
        variants = variants_of(self.registry, resource.id)
        if variants:
            yield f"{self._word('runs')}{colon}{comma.join(f'`{v.id}`' for v in variants)}"
        for number in resource.reported:
            yield _safe(number_text(number, self.language))


def _source(source: str) -> str:
    return f"<{source}>" if source.startswith("http") else _safe(source)


def _inline(quote: str) -> str:
    """A quote as code where Markdown would read it as something else."""
    special = any(character in quote for character in "\\_*<>[]#`|$")
    return f"`` {quote} ``" if special else quote


def _safe(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")
