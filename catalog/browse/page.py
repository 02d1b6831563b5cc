"""One entry as a page of plain lines: what it is, what is wrong with it, what to read, what to run.

Owns order and wording of the page that ``show`` prints and ``browse`` displays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.cells import cell_len

from catalog.browse.items import backlinks, errata_of, nearest_variants, suite_of, variants_of
from catalog.browse.numbers import number_text
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
)
from catalog.schema import Registry, Resource, Text, Variant

_WORDS = {
    "article": Text(en="What the article says", zh="原文怎么说"),
    "errata": Text(en="What is wrong with it", zh="错在哪里"),
    "instead": Text(en="What to read instead", zh="应改读什么"),
    "run": Text(en="Can I run it", zh="能否运行"),
    "facts": Text(en="Facts", zh="事实"),
    "numbers": Text(
        en="Published numbers (each under its own protocol)", zh="已发表数值（各自协议不同）"
    ),
    "relations": Text(en="Relations", zh="关系"),
    "line": Text(en="line {} (section {})", zh="第{}行（{}节）"),
    "nothing wrong": Text(en="Nothing that we know of.", zh="目前未发现错误。"),
    "yes": Text(en="yes: aigc bench run {} {}", zh="可以：aigc bench run {} {}"),
    "no": Text(en="No.", zh="不能。"),
    "nearest": Text(en="nearest to it", zh="最接近的可运行变体"),
    "unranked": Text(en="not ranked yet", zh="尚无排名"),
    "authors": Text(en="authors", zh="作者"),
    "year": Text(en="year", zh="年份"),
    "venue": Text(en="venue", zh="出处"),
    "aliases": Text(en="also called", zh="别名"),
    "ids": Text(en="ids", zh="编号"),
    "links": Text(en="links", zh="链接"),
    "license": Text(en="licence", zh="许可证"),
    "status": Text(en="status", zh="状态"),
    "notes": Text(en="note", zh="说明"),
    "checked": Text(en="checked by", zh="核实方式"),
    "sources": Text(en="sources", zh="出处"),
}


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
        return [
            *self._head(),
            *self._section("article", self._said()),
            *self._section("errata", self._errata()),
            *self._section("instead", self._instead()),
            *self._section("run", self._run()),
            *self._section("facts", self._facts()),
            *self._section("numbers", self._numbers()),
            *self._section("relations", self._relations()),
        ]

    def _word(self, key: str) -> str:
        return _WORDS[key].in_language(self.language)

    def _labelled(self, label: str, text: str, indent: str = "  ") -> list[str]:
        return wrap(f"{label}{COLON[self.language]}{text}", self.width, indent)

    def _wrapped(self, text: str, indent: str = "  ") -> list[str]:
        return wrap(text, self.width, indent)

    def _section(self, key: str, lines: Iterator[str]) -> list[str]:
        body = list(lines)
        return ["", self._word(key), *body] if body else []

    def _head(self) -> Iterator[str]:
        resource, language = self.resource, self.language
        yield from self._wrapped(f"{resource.title.in_language(language)}  [{resource.id}]", "")
        tags = [KINDS[resource.kind], ORIGINS[resource.origin]]
        if resource.family:
            tags.append(FAMILIES[resource.family])
        tags += [MODALITIES[modality] for modality in resource.modality]
        words = [tag.in_language(language) for tag in tags]
        yield " · ".join([*words, str(resource.sure_year)] if resource.sure_year else words)
        yield ""
        yield from self._wrapped(resource.summary.in_language(language), "")

    def _said(self) -> Iterator[str]:
        for mention in self.resource.article:
            where = self._word("line").format(mention.line, mention.section)
            translated = f" = {mention.en}" if mention.en and self.language == "en" else ""
            yield from self._labelled(where, f"「{mention.quote}」{translated}")

    def _errata(self) -> Iterator[str]:
        found = errata_of(self.registry, self.resource.id)
        for erratum in found:
            marks = [SEVERITIES[erratum.severity], VERDICTS[erratum.verdict]]
            said = [erratum.id, *[mark.in_language(self.language) for mark in marks]]
            if erratum.certainty == "unsure":
                said.append(UNCONFIRMED.in_language(self.language))
            yield from self._wrapped(f"{' · '.join(said)} 「{erratum.claim_zh}」")
            yield from self._wrapped(erratum.correction(self.language), "    ")
            yield from self._labelled(self._word("sources"), " ".join(erratum.sources), "    ")
        if self.resource.article and not found:
            yield f"  {self._word('nothing wrong')}"

    def _instead(self) -> Iterator[str]:
        for relation in self.resource.relations:
            if relation.type == "read-instead":
                target = self.registry.resource(relation.target)
                title = target.title.in_language(self.language)
                yield from self._labelled(target.id, f"{title} {target.url or ''}".rstrip())

    def _run(self) -> Iterator[str]:
        own = variants_of(self.registry, self.resource.id)
        for variant in own:
            command = self._word("yes").format(suite_of(self.registry, variant), variant.id)
            yield from self._command(command, self._rank(variant))
        if self.resource.not_runnable:
            reason = self.resource.not_runnable.in_language(self.language)
            yield from self._wrapped(reason if own else f"{self._word('no')} {reason}")
        if own:
            return
        near = nearest_variants(self.registry, self.resource)
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
        for key, field, value in self._pairs():
            mark = ""
            if field in self.resource.unsure:
                mark = f" ({UNCONFIRMED.in_language(self.language)})"
            yield from self._labelled(self._word(key), f"{value}{mark}")

    def _pairs(self) -> Iterator[tuple[str, str, str]]:
        """Label, field and text of every fact that is known."""
        resource = self.resource
        named = [f"{name} {value}" for name, value in resource.ids.model_dump().items() if value]
        checked = [EVIDENCE[name].in_language(self.language) for name in resource.evidence]
        rows = [
            ("authors", "authors", ", ".join(resource.authors)),
            ("year", "year", str(resource.year or "")),
            ("venue", "venue", resource.venue or ""),
            ("aliases", "aliases", ", ".join(resource.aliases)),
            ("ids", "ids", ", ".join(named)),
            ("links", "links", " ".join(resource.urls)),
            ("license", "license", self._license()),
            ("status", "status", self._status()),
            *[("notes", "notes", note.in_language(self.language)) for note in resource.notes],
            ("checked", "evidence", ", ".join(checked)),
        ]
        return (row for row in rows if row[2])

    def _license(self) -> str:
        licence = self.resource.license
        if licence is None:
            return ""
        parts = {"code": licence.code, "weights": licence.weights, "data": licence.data}
        said = [
            f"{LICENSED[name].in_language(self.language)} {value}"
            for name, value in parts.items()
            if value
        ]
        if licence.commercial != "unknown":
            said.append(LICENSED[licence.commercial].in_language(self.language))
        if licence.note:
            said.append(licence.note.in_language(self.language))
        return "; ".join(said)

    def _status(self) -> str:
        status = self.resource.status
        if status is None:
            return ""
        note = f" {status.note.in_language(self.language)}" if status.note else ""
        return f"{STATES[status.state].in_language(self.language)} ({status.as_of}){note}"

    def _numbers(self) -> Iterator[str]:
        for number in self.resource.reported:
            yield from self._wrapped(number_text(number, self.language))

    def _relations(self) -> Iterator[str]:
        outgoing: dict[str, list[str]] = {}
        for relation in self.resource.relations:
            if relation.type != "read-instead":
                word = RELATIONS[relation.type][0].in_language(self.language)
                outgoing.setdefault(word, []).append(relation.target)
        for link in backlinks(self.registry, self.resource.id):
            word = RELATIONS[link.type][1].in_language(self.language)
            outgoing.setdefault(word, []).append(link.source)
        for word, names in outgoing.items():
            yield from self._labelled(word, ", ".join(names))
