"""Entries that people browse: what the article names, what it gets wrong, what is missing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, StringConstraints

from catalog.schema.base import Entry, Id, Sentence, Text

Kind = Literal[
    "algorithm", "application", "book", "challenge", "code", "component", "concept", "course",
    "dataset", "document", "edge", "faq", "formula", "metric", "model", "paper", "property",
    "site", "step", "task", "technique", "tool", "trend",
]  # fmt: skip
Family = Literal[
    "gan", "vae", "discrete-vae", "autoencoder", "autoregressive", "diffusion", "flow", "hybrid"
]
Modality = Literal["text", "image", "audio", "video", "general"]
Origin = Literal["article", "added"]
Certainty = Literal["certain", "unsure"]

ArxivId = Annotated[str, StringConstraints(pattern=r"^\d{4}\.\d{4,5}$")]
Doi = Annotated[str, StringConstraints(pattern=r"^10\.\d{4,9}/\S+$")]
Isbn = Annotated[str, StringConstraints(pattern=r"^97[89]\d{10}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+\.[^\s]+$")]
Item = Annotated[str, StringConstraints(pattern=r"^[A-Z]+(?:-[A-Za-z0-9.]+)+$")]
"""A row of the article's inventory, such as ``MOD-02``."""

Quote = Annotated[str, StringConstraints(min_length=1)]


class Mention(Entry):
    """One place of the article, word for word.

    Attributes:
        item: the row of the article's inventory that this place belongs to.
        section: number of the section; ``6.4b`` is the second section that prints 6.4.
        line: line of the article, counted from one.
        quote: a substring of that line, exactly as printed.
        en: what the quote says, in English, where the title does not say it already.
    """

    item: Item
    section: Annotated[str, StringConstraints(pattern=r"^(?:-|\d(?:\.\d[ab]?)?)$")]
    line: PositiveInt
    quote: Quote
    en: Sentence | None = None


class Ids(Entry):
    """Identifiers that outlive addresses; absent where none exists."""

    arxiv: ArxivId | None = None
    doi: Doi | None = None
    isbn: Isbn | None = None
    isbn_zh: Isbn | None = None
    openreview: Sentence | None = None
    package: Sentence | None = None


class Links(Entry):
    """Addresses. A paper's arXiv page is derived from its id and not repeated here.

    Attributes:
        repo_kind: whose code it is; ``partial`` is official but incomplete.
        more: further pages worth opening.
    """

    homepage: Url | None = None
    homepage_zh: Url | None = None
    repo: Url | None = None
    repo_kind: Literal["official", "author", "third-party", "partial"] = "official"
    docs: Url | None = None
    more: tuple[Url, ...] = ()


class License(Entry):
    """What may be done with it; ``NONE`` means that the repository has no licence file."""

    code: Sentence | None = None
    weights: Sentence | None = None
    data: Sentence | None = None
    commercial: Literal["allowed", "forbidden", "unknown"] = "unknown"
    note: Text | None = None


RelationType = Literal[
    "applies-to", "describes", "evaluates", "extends", "implements", "is-a", "part-of",
    "provides-data-for", "read-instead", "see-also", "stabilizes", "succeeds", "uses",
]  # fmt: skip


class Relation(Entry):
    """A directed, typed link: this entry ``type`` target."""

    type: RelationType
    target: Id


class Reported(Entry):
    """A number that somebody published, under their protocol; never mixed with our own runs."""

    metric: Sentence
    value: float
    spread: float | None = None
    dataset: Sentence
    setting: Sentence | None = None
    better: Literal["higher", "lower"]
    source: Sentence
    certainty: Certainty = "certain"


class Status(Entry):
    """Whether it is still alive, and when that was seen."""

    state: Literal["active", "archived", "retired", "unreleased"]
    as_of: Annotated[str, StringConstraints(pattern=r"^\d{4}(?:-\d{2}(?:-\d{2})?)?$")]
    note: Text | None = None


class Edge(Entry):
    """An arrow of the article's concept graph and what it should have said."""

    source: Id
    target: Id
    verdict: Literal["fine", "loose", "inverted", "misleading", "wrong"]
    relation: Text


_ADDRESSES = (
    ("links", "homepage", "{}"),
    ("ids", "arxiv", "https://arxiv.org/abs/{}"),
    ("ids", "doi", "https://doi.org/{}"),
    ("ids", "openreview", "https://openreview.net/forum?id={}"),
    ("links", "repo", "{}"),
    ("links", "docs", "{}"),
)
"""Fields that may give an entry its primary address, the preferred one first, with its form."""


class Resource(Entry):
    """Something to read, use, know or doubt, with the facts that identify it.

    Attributes:
        article: where the article names it; empty for what we added.
        aliases: other names that people search for.
        title_zh_official: whether the Chinese title is a published one, not our translation.
        year: of first publication, which for most papers is that of the arXiv version.
        notes: verified facts that no other field holds.
        not_runnable: why the harness cannot run it, for what people would expect to run.
        unsure: names of the fields above that nobody has confirmed yet.
        evidence: how the facts were checked.
    """

    id: Id
    kind: Kind
    origin: Origin
    article: tuple[Mention, ...] = ()
    title: Text
    title_zh_official: bool = False
    aliases: tuple[Sentence, ...] = ()
    authors: tuple[Sentence, ...] = ()
    year: Annotated[int, Field(ge=1900, le=2100)] | None = None
    venue: Sentence | None = None
    ids: Ids = Ids()
    links: Links = Links()
    license: License | None = None
    modality: tuple[Modality, ...] = ("general",)
    family: Family | None = None
    summary: Text
    relations: tuple[Relation, ...] = ()
    reported: tuple[Reported, ...] = ()
    status: Status | None = None
    edge: Edge | None = None
    notes: tuple[Text, ...] = ()
    not_runnable: Text | None = None
    unsure: tuple[
        Literal["authors", "year", "venue", "title", "links", "license", "notes"], ...
    ] = ()
    evidence: tuple[
        Literal["executed", "identifier", "knowledge", "paper", "repository", "web"], ...
    ] = ()

    @property
    def sure_year(self) -> int | None:
        """The year, unless nobody has confirmed it."""
        return None if "year" in self.unsure else self.year

    @property
    def address(self) -> tuple[tuple[str, ...], str]:
        """The field that gives the primary link, as a path in the entry, and the link; or nothing.

        That is the home page, else arXiv, DOI, OpenReview, repository or documentation.
        """
        for part, field, form in _ADDRESSES:
            value = getattr(getattr(self, part), field)
            if value:
                return (part, field), form.format(value)
        return (), ""

    @property
    def url(self) -> str | None:
        """The primary link."""
        return self.address[1] or None

    @property
    def urls(self) -> tuple[str, ...]:
        """Every address of the entry, the primary one first."""
        arxiv = f"https://arxiv.org/abs/{self.ids.arxiv}" if self.ids.arxiv else None
        links = self.links
        pages = (links.homepage, links.homepage_zh, links.repo, links.docs, *links.more)
        return tuple(dict.fromkeys(filter(None, (self.url, arxiv, *pages))))


Severity = Literal["critical", "major", "minor", "nit"]
"""From what makes the article unusable to what an editor would mend, worst first."""

Verdict = Literal["false", "misleading", "imprecise", "outdated", "broken", "editorial"]
ErratumId = Annotated[str, StringConstraints(pattern=r"^(?:E-(?:\d{2}|G\d)|G-\d{2}|K-\d{2})$")]
Source = Annotated[str, StringConstraints(pattern=r"^(?:https?://\S+|executed: .+)$")]
"""An address, or what was executed to see it."""


class Erratum(Entry):
    """One wrong, broken or imprecise statement.

    Attributes:
        id: ``E-nn`` a claim, ``E-Gn`` the graph as a whole, ``G-nn`` edge nn, ``K-nn`` the listing.
        resources: the entries it corrects.
        lines: lines of the article; ``claim_zh`` stands on the first of them.
        claim_zh: the article's own words, or its code.
        sources: where the correction can be checked; never the article itself.
    """

    id: ErratumId
    resources: Annotated[tuple[Id, ...], Field(min_length=1)]
    lines: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    claim_zh: Quote
    verdict: Verdict
    severity: Severity
    truth_en: Sentence
    correction_zh: Sentence
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    certainty: Certainty = "certain"

    def correction(self, language: str) -> str:
        """What is true, in ``zh`` or, for every other value, in English."""
        return self.correction_zh if language == "zh" else self.truth_en
