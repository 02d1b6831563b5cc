"""One entry as a page of plain lines: what it is, what is wrong with it, what to read, what to run.

Owns order and wording of the page that ``show`` prints and ``browse`` displays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.cells import cell_len

from catalog.browse.items import backlinks, errata_of, nearest_variants, suite_of, variants_of
from catalog.browse.rankings import Rank
from catalog.browse.table import wrap
from catalog.browse.vocabulary import (
    COLON,
    EVIDENCE,
    FAMILIES,
    KINDS,
    LICENSED,
    MODALITIES,
    ORIGINS,
    RELATIONS,
    SEVERITIES,
    STATES,
    UNCONFIRMED,
    VERDICTS,
    number_text,
    terms,
)
from catalog.schema import Registry, Resource, Text, Variant

_WORDS = terms({
    "article": ("What the article says", "原文怎么说"),
    "errata": ("What is wrong with it", "错在哪里"),
    "instead": ("What to read instead", "应改读什么"),
    "run": ("Can I run it", "能否运行"),
    "facts": ("Facts", "事实"),
    "numbers": ("Published numbers (each under its own protocol)", "已发表数值（各自协议不同）"),
    "relations": ("Relations", "关系"),
    "line": ("line {} (section {})", "第{}行（{}节）"),
    "nothing wrong": ("Nothing that we know of.", "目前未发现错误。"),
    "yes": ("yes: aigc bench run {} {}", "可以：aigc bench run {} {}"),
    "load": (
        "yes, loaded instead of trained: aigc bench load {} ({})",
        "可以（载入，不训练）：aigc bench load {}（{}）",
    ),
    "no": ("No.", "不能。"),
    "nearest": ("nearest to it", "最接近的可运行变体"),
    "unranked": ("not ranked yet", "尚无排名"),
    "authors": "作者", "year": "年份", "venue": "出处", "aliases": ("also called", "别名"),
    "ids": "编号", "links": "链接", "license": ("licence", "许可证"), "status": "状态",
    "notes": ("note", "说明"), "evidence": ("checked by", "核实方式"), "sources": "出处",
})  # fmt: skip


@dataclass(frozen=True)
class Page:
    """What the lines are made from.

    Attributes:
        width: cells per line, or None to leave lines whole.
        ranks: best rank by variant id.
    """

    registry: Registry
    resource: Resource
    language: str
    width: int | None = None
    ranks: Mapping[str, Rank] | None = None

    def lines(self) -> list[str]:
        """The whole page."""
        sections = {
            "article": self._quotes(),
            "errata": self._errata(),
            "instead": self._instead(),
            "run": self._run(),
            "facts": self._facts(),
            "numbers": self._numbers(),
            "relations": self._relations(),
        }
        lines = list(self._head())
        for key, section in sections.items():
            body = list(section)
            lines += ["", self._word(key), *body] if body else []
        return lines

    def _say(self, text: Text) -> str:
        return text.in_language(self.language)

    def _word(self, key: str) -> str:
        return self._say(_WORDS[key])

    def _wrapped(self, text: str, indent: str = "  ") -> list[str]:
        return wrap(text, self.width, indent)

    def _labelled(self, label: str, text: str, indent: str = "  ") -> list[str]:
        return self._wrapped(f"{label}{COLON[self.language]}{text}", indent)

    def _head(self) -> Iterator[str]:
        resource = self.resource
        yield from self._wrapped(f"{self._say(resource.title)}  [{resource.id}]", "")
        tags = [KINDS[resource.kind], ORIGINS[resource.origin]]
        tags += [FAMILIES[resource.family]] if resource.family else []
        tags += [MODALITIES[modality] for modality in resource.modality]
        year = [str(resource.sure_year)] if resource.sure_year else []
        yield " · ".join([*map(self._say, tags), *year])
        yield ""
        yield from self._wrapped(self._say(resource.summary), "")

    def _quotes(self) -> Iterator[str]:
        for mention in self.resource.article:
            where = self._word("line").format(mention.line, mention.section)
            translated = f" = {mention.en}" if mention.en and self.language == "en" else ""
            yield from self._labelled(where, f"「{mention.quote}」{translated}")

    def _errata(self) -> Iterator[str]:
        found = errata_of(self.registry, self.resource.id)
        for erratum in found:
            marks = [SEVERITIES[erratum.severity], VERDICTS[erratum.verdict]]
            marks += [UNCONFIRMED] if erratum.certainty == "unsure" else []
            said = " · ".join([erratum.id, *map(self._say, marks)])
            yield from self._wrapped(f"{said} 「{erratum.claim_zh}」")
            yield from self._wrapped(erratum.correction(self.language), "    ")
            yield from self._labelled(self._word("sources"), " ".join(erratum.sources), "    ")
        if self.resource.article and not found:
            yield f"  {self._word('nothing wrong')}"

    def _instead(self) -> Iterator[str]:
        for relation in self.resource.relations:
            if relation.type == "read-instead":
                target = self.registry.resource(relation.target)
                shown = f"{self._say(target.title)} {target.url or ''}".rstrip()
                yield from self._labelled(target.id, shown)

    def _run(self) -> Iterator[str]:
        own: tuple[object, ...] = variants_of(self.registry, self.resource.id)
        for variant in variants_of(self.registry, self.resource.id):
            command = self._word("yes").format(suite_of(self.registry, variant), variant.id)
            yield from self._command(command, self._rank(variant))
        for load in self.registry.loads:
            if load.paper == self.resource.id:
                own = (*own, load)
                yield from self._wrapped(self._word("load").format(load.id, load.licence))
        if self.resource.not_runnable:
            reason = self._say(self.resource.not_runnable)
            yield from self._wrapped(reason if own else f"{self._word('no')} {reason}")
        near = nearest_variants(self.registry, self.resource)  # of none that runs itself
        if near:
            names = [f"{variant.id} ({self._rank(variant)})" for variant in near]
            yield from self._labelled(self._word("nearest"), ", ".join(names))

    def _command(self, command: str, rank: str) -> list[str]:
        """The command in one piece, to be copied; its rank below where it would not fit."""
        line = f"  {command} ({rank})"
        whole = self.width is None or cell_len(line) <= self.width
        return [line] if whole else [f"  {command}", *self._wrapped(f"({rank})", "    ")]

    def _rank(self, variant: Variant) -> str:
        rank = (self.ranks or {}).get(variant.id)
        return rank.shown() if rank else self._word("unranked")

    def _facts(self) -> Iterator[str]:
        """Every fact that is known; what nobody has confirmed is marked."""
        resource = self.resource
        named = [f"{name} {value}" for name, value in resource.ids.model_dump().items() if value]
        checked = [self._say(EVIDENCE[name]) for name in resource.evidence]
        facts = [
            ("authors", ", ".join(resource.authors)),
            ("year", str(resource.year or "")),
            ("venue", resource.venue),
            ("aliases", ", ".join(resource.aliases)),
            ("ids", ", ".join(named)),
            ("links", " ".join(resource.urls)),
            ("license", self._license()),
            ("status", self._status()),
            *[("notes", self._say(note)) for note in resource.notes],
            ("evidence", ", ".join(checked)),
        ]
        for field, value in facts:
            if value:
                mark = f" ({self._say(UNCONFIRMED)})" if field in resource.unsure else ""
                yield from self._labelled(self._word(field), f"{value}{mark}")

    def _license(self) -> str:
        licence = self.resource.license
        if licence is None:
            return ""
        parts = {"code": licence.code, "weights": licence.weights, "data": licence.data}
        said = [f"{self._say(LICENSED[name])} {value}" for name, value in parts.items() if value]
        if licence.commercial != "unknown":
            said.append(self._say(LICENSED[licence.commercial]))
        if licence.note:
            said.append(self._say(licence.note))
        return "; ".join(said)

    def _status(self) -> str:
        status = self.resource.status
        if status is None:
            return ""
        note = f" {self._say(status.note)}" if status.note else ""
        return f"{self._say(STATES[status.state])} ({status.as_of}){note}"

    def _numbers(self) -> Iterator[str]:
        for number in self.resource.reported:
            yield from self._wrapped(number_text(number, self.language))

    def _relations(self) -> Iterator[str]:
        resource = self.resource
        links = [
            (RELATIONS[link.type][0], link.target)
            for link in resource.relations
            if link.type != "read-instead"
        ]
        links += [
            (RELATIONS[link.type][1], link.source) for link in backlinks(self.registry, resource.id)
        ]
        named: dict[str, list[str]] = {}
        for word, name in links:
            named.setdefault(self._say(word), []).append(name)
        for said, names in named.items():
            yield from self._labelled(said, ", ".join(names))
