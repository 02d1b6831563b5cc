"""Everything that a card says of one variant, as plain values; renderers add wording only.

Made from the registry, the tables of committed records and the records of pictures, and from
nothing else: no model is built, and no file is read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.replay.pictures.record import Pictures
from bench.report.board.records import Run
from bench.report.board.table import Cost, Descent, Gap, GateResult, Leaderboard, Row
from bench.report.card.recipe import RecipeFacts, recipe_facts
from bench.report.leaderboard.tables import measured
from bench.report.words.spelling import page_label
from bench.stats.intervals import Estimate
from catalog.browse.items import backlinks, errata_of
from catalog.schema import Claim, Erratum, Registry, Resource, Suite, Variant

PictureState = Literal["drawn", "stale", "none", "impossible"]
"""There; of another training; not drawn; no run of the suite has finished."""
NO_PICTURES: Mapping[str, Pictures] = {}


@dataclass(frozen=True)
class Related:
    """A resource that the paper is related to, and the corrections that name it."""

    resource: Resource
    errata: tuple[Erratum, ...]


@dataclass(frozen=True)
class OnSuite:
    """What one table says of the variant.

    Attributes:
        metric: label of the ranking distance, such as ``FD[digits-cnn]``.
        n_ranked: rows of the table that have a rank.
        rows: generated images first, in the table's order, then reconstructions.
        descents: beside the parent's rows, in the order of ``rows``.
        gaps: planned trainings without a result.
        gates: what its trainings have to reach.
        measures: what the model measures of itself over training seeds, in order of the names.
        runs: in order of the seed; their directories hold curves and grids.
        n_parameters: trainable scalars of everything that is trained; None where not on record.
        drawable: the run whose pictures belong here: of the lowest seed that finished.
        pictures: their record, also where they are of another training.
    """

    suite: Suite
    metric: str
    n_ranked: int
    rows: tuple[Row, ...]
    descents: tuple[Descent, ...]
    gaps: tuple[Gap, ...]
    gates: tuple[GateResult, ...]
    measures: Mapping[str, Estimate]
    runs: tuple[Run, ...] = field(repr=False)
    n_parameters: int | None
    drawable: Run | None
    pictures: Pictures | None

    @property
    def cost(self) -> Cost:
        """Means over the runs of the first row that has any."""
        return next((row.cost for row in self.rows if row.runs), Cost())

    @property
    def state(self) -> PictureState:
        """Whether pictures are there, and of the training that the table shows."""
        if self.drawable is None:
            return "impossible"
        if self.pictures is None:
            return "none"
        same = self.pictures.train_hash == self.drawable.train.train_hash
        return "drawn" if same else "stale"


@dataclass(frozen=True)
class Card:
    """One variant.

    Attributes:
        errata: corrections of the article that name the paper.
        claims: statements of the article that trainings of the variant help to test.
        related: resources one relation away from the paper that the article has wrong, and the
            corrections not yet in ``errata``.
        suites: every table in which it stands or is planned, in the order of the tables.
        elsewhere: suites that have the variant and no table, those of budgets apart.
    """

    variant: Variant
    paper: Resource
    parent: Variant | None
    errata: tuple[Erratum, ...]
    claims: tuple[Claim, ...]
    related: tuple[Related, ...]
    recipe: RecipeFacts
    suites: tuple[OnSuite, ...]
    elsewhere: tuple[Suite, ...]


def card_of(
    variant_id: str,
    registry: Registry,
    boards: Mapping[str, Leaderboard],
    pictures: Mapping[str, Pictures] = NO_PICTURES,
) -> Card:
    """Gather a card.

    Args:
        variant_id: of the registry.
        registry: says what the variant is.
        boards: tables by suite id, such as ``committed_boards`` gives.
        pictures: records of the variant's pictures by suite id.

    Raises:
        UsageError: there is no such variant.
        InvalidInput: its recipe is broken.
    """
    variant = registry.variant(variant_id)
    paper = registry.resource(variant.paper)
    suites = tuple(
        _on_suite(variant, board, pictures.get(name))
        for name, board in boards.items()
        if variant in registry.variants_of(board.suite)
    )
    errata = errata_of(registry, paper.id)
    return Card(
        variant=variant,
        paper=paper,
        parent=registry.variant(variant.parent) if variant.parent else None,
        errata=errata,
        claims=tuple(claim for claim in registry.claims if _tests(claim, variant)),
        related=_related(registry, paper, errata),
        recipe=recipe_facts(variant, registry, _datasets(variant, registry, suites)),
        suites=suites,
        elsewhere=tuple(
            suite
            for suite in registry.suites
            if suite.id not in boards and variant in registry.variants_of(suite)
        ),
    )


def _on_suite(variant: Variant, board: Leaderboard, pictures: Pictures | None) -> OnSuite:
    rows = (*board.rows, *board.reconstructions)
    runs = sorted(
        (run for run in board.runs if run.train.spec.variant == variant.id),
        key=lambda run: run.train.spec.seed,
    )
    sizes = [run.train.parameters.total for run in runs if run.train.parameters]
    return OnSuite(
        suite=board.suite,
        metric=page_label("fid", board.protocol.extractor),
        n_ranked=len(board.ranked),
        rows=tuple(row for row in rows if row.key.name == variant.id),
        descents=tuple(d for d in board.descents if d.child.key.name == variant.id),
        gaps=tuple(gap for gap in board.gaps if gap.variant == variant.id),
        gates=tuple(gate for gate in board.gates if gate.variant == variant.id),
        measures={name: estimate for (_, name), estimate in measured(runs).items()},
        runs=tuple(runs),
        n_parameters=sizes[0] if sizes else None,
        drawable=next((run for run in runs if run.train.status == "success"), None),
        pictures=pictures,
    )


def _tests(claim: Claim, variant: Variant) -> bool:
    return any(variant.id in (*test.rows, *test.against) for test in claim.tests)


def _related(
    registry: Registry, paper: Resource, shown: tuple[Erratum, ...]
) -> tuple[Related, ...]:
    forward = [relation.target for relation in paper.relations]
    names = dict.fromkeys([*forward, *(link.source for link in backlinks(registry, paper.id))])
    found = [
        Related(
            registry.resource(name), tuple(e for e in errata_of(registry, name) if e not in shown)
        )
        for name in names
    ]
    return tuple(one for one in found if one.errata)


def _datasets(variant: Variant, registry: Registry, suites: tuple[OnSuite, ...]) -> tuple[str, ...]:
    """Data sets of the tables, else of all suites, else those that it is made for."""
    of_tables = [one.suite.dataset for one in suites]
    of_suites = [s.dataset for s in registry.all_suites if variant in registry.variants_of(s)]
    fitting = [dataset.id for dataset in registry.datasets if variant.fits(dataset.id)]
    return tuple(dict.fromkeys(of_tables or of_suites[:1] or fitting[:1]))
