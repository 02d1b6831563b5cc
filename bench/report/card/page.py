"""A card as Markdown: what a variant is; its numbers and its pictures have files of their own."""

from __future__ import annotations

from collections.abc import Sequence

from bench.report.card.gather import Card
from bench.report.card.numbers import cost_part, parent_part, results_part
from bench.report.card.pictures import curves_part, pictures_part, samples_part
from bench.report.card.recipe import RecipeFacts, SpecialSetting
from bench.report.leaderboard.commands import run_command
from bench.report.words import Language, Words, localized
from bench.report.words.spelling import NOTHING
from catalog.browse.vocabulary import SEVERITIES, number_text
from catalog.escaping import md_code, md_label, md_target, md_text
from catalog.markdown_table import markdown_table
from catalog.schema import Registry

MOST_LISTED = 6
"""More corrections of one entry are counted; the catalogue lists them under it."""


def card_page(card: Card, registry: Registry, language: Language) -> str:
    """The whole page, ending in one line break; no dates, no absolute paths.

    Links are relative to ``reports/cards/``.

    Args:
        card: what is told.
        registry: names of data sets.
        language: of the page.
    """
    words = Words(language, "card")
    parts: list[tuple[str, list[str]]] = [
        ("errata_title", _errata(card, words)),
        ("deviations_title", [f"- {md_text(sentence)}" for sentence in card.variant.deviations]),
        ("recipe_title", _recipe(card, registry, words)),
        ("results_title", results_part(card, words)),
        ("parent_title", parent_part(card, words)),
        ("cost_title", cost_part(card, words)),
        ("samples_title", samples_part(card, words)),
        ("pictures_title", pictures_part(card, words)),
        ("curves_title", curves_part(card, words)),
        ("published_title", _published(card, words)),
        ("again_title", _again(card, registry, words)),
    ]
    name = md_text(card.variant.name.in_language(language))
    lines = [
        f"# {words('card_title', name=name, variant=card.variant.id)}",
        *("", md_text(card.variant.summary.in_language(language))),
        *("", *_facts(card, words)),
    ]
    for title, body in parts:
        lines += ["", f"## {words(title)}", "", *body] if body else []
    return "\n".join(lines) + "\n"


def page_name(variant: str, language: Language) -> str:
    """File name of a card."""
    return localized(f"{variant}.md", language)


def _facts(card: Card, words: Words) -> list[str]:
    paper = card.paper
    told = {
        "title": md_label(paper.title.in_language(words.language)),
        "url": md_target(paper.url),
        "year": words("year", year=paper.sure_year) if paper.sure_year else "",
        "id": paper.id,
    }
    parent = words("no_parent")
    if card.parent is not None:
        parent = f"[`{card.parent.id}`]({page_name(card.parent.id, words.language)})"
    facts = {
        "fact_family": words(f"family_{card.variant.family}"),
        "fact_paper": words("paper_of" if paper.url else "paper_without_url", **told),
        "fact_parent": parent,
        "fact_algorithm": md_code(card.variant.algorithm),
    }
    if (start := card.variant.start_from) is not None:
        facts["fact_start"] = words("starts_from", variant=start.variant, suite=start.suite)
    return [f"- {words('fact', name=words(key), value=fact)}" for key, fact in facts.items()]


def _errata(card: Card, words: Words) -> list[str]:
    own = [
        words(
            "erratum",
            id=erratum.id,
            anchor=erratum.id.lower(),
            severity=SEVERITIES[erratum.severity].in_language(words.language),
            text=md_text(erratum.correction(words.language)),
        )
        for erratum in card.errata
    ]
    claims = [
        words(
            "claim_of",
            claim=md_text(claim.claim_zh if words.language == "zh" else claim.claim_en),
            line=claim.line,
            errata=words("claim_errata", list=_links(claim.errata, words)) if claim.errata else "",
        )
        for claim in card.claims
    ]
    related = [
        words(
            "related_one",
            title=md_label(one.resource.title.in_language(words.language)),
            id=one.resource.id,
            list=_listed([erratum.id for erratum in one.errata], words),
        )
        for one in card.related
    ]
    blocks = [("errata_of", own), ("claims_of", claims), ("related_of", related)]
    lines: list[str] = []
    for key, items in blocks:
        lines += ["", words(key), "", *(f"- {item}" for item in items)] if items else []
    return lines[1:]


def _listed(errata: Sequence[str], words: Words) -> str:
    many = len(errata) > MOST_LISTED
    return words("related_many", n=len(errata)) if many else _links(errata, words)


def _links(errata: Sequence[str], words: Words) -> str:
    page = f"../{localized('catalog.md', words.language)}"
    return words.join([f"[{name}]({page}#{name.lower()})" for name in errata])


def _recipe(card: Card, registry: Registry, words: Words) -> list[str]:
    facts = card.recipe
    said = []
    if facts.settings:
        said.append(words("recipe_intro", algorithm=facts.algorithm))
    else:
        said.append(words("recipe_none", algorithm=facts.algorithm))
    if card.parent is not None and not facts.has_parents_algorithm:
        said.append(words("recipe_other", parent=card.parent.id))
    lines = [words.sentences(said)]
    return [*lines, "", *_settings(facts, registry, words)] if facts.settings else lines


def _settings(facts: RecipeFacts, registry: Registry, words: Words) -> list[str]:
    """The table of settings, with a column for each data set where values differ between them."""
    same = all(len({*one.values.values()}) == 1 for one in facts.settings)
    shown = facts.datasets[:1] if same else facts.datasets
    names = [md_text(registry.dataset(name).name.in_language(words.language)) for name in shown]
    headers = [
        words("setting_name"),
        *([words("setting_value")] if len(shown) == 1 else []),
        *([words("setting_on", dataset=name) for name in names] if len(shown) > 1 else []),
        *([words("setting_parent")] if facts.has_parents_algorithm else []),
        words("setting_default"),
        words("setting_origin"),
    ]
    rows = [
        [
            md_code(one.name),
            *(_value(one.values[name]) for name in shown),
            *([_of_parent(one, facts.datasets)] if facts.has_parents_algorithm else []),
            _value(one.default),
            words(f"origin_{one.origin}"),
        ]
        for one in facts.settings
    ]
    return markdown_table(headers, rows, n_left=len(headers))


def _value(value: str | None) -> str:
    return NOTHING if value is None else md_code(value)


def _of_parent(setting: SpecialSetting, datasets: Sequence[str]) -> str:
    """The parent's value, or its values in the order of the data sets where they differ."""
    values = dict.fromkeys(_value(setting.parent.get(name)) for name in datasets)
    return " / ".join(values) or NOTHING


def _published(card: Card, words: Words) -> list[str]:
    numbers = [md_text(number_text(number, words.language)) for number in card.variant.reported]
    return [words("published_text"), "", *(f"- {one}" for one in numbers)] if numbers else []


def _again(card: Card, registry: Registry, words: Words) -> list[str]:
    name = card.variant.id
    suites = [one.suite for one in card.suites] or list(card.elsewhere)
    checks = [f"aigc bench verify reports/{one.suite.id} {name} --retrain" for one in card.suites]
    commands = [run_command(suite, registry, name) for suite in suites] + checks
    commands.append(f"aigc report card {name} --lang {words.language}")
    return [words("again_text"), "", "```sh", *commands, "```"]
