"""Entries that the harness runs: variants, data sets, extractors, protocols and suites.

The settings inside ``recipe`` belong to the algorithm that reads them, so their keys and types are
checked by ``aigc bench validate``, which may import torch; everything else is checked here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue, PositiveFloat, PositiveInt, StringConstraints

from catalog.schema.base import Entry, Id, Sentence, Sha256, Text
from catalog.schema.resources import Reported

Algorithm = Annotated[str, StringConstraints(pattern=r"^[a-z_][\w.]*:[A-Za-z_]\w*$")]
"""An import string ``package.module:Class``; rules limit the packages that it may name."""

Recipe = dict[str, JsonValue]

Resolution = Annotated[int, Field(ge=1, le=1024)]
Channels = Literal[1, 3]
Classes = Annotated[int, Field(ge=1, le=100_000)]
ImageCount = Annotated[int, Field(ge=2, le=1_000_000)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
"""Sizes that decide how much memory a file asks for, so each is bounded."""

Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""What every random number generator here accepts."""

FileName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=200)
]
"""A file in a folder that the program chooses, never a path out of it."""

MetricName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
"""A number as records call it."""

CalibrationRow = Literal[
    "held-out", "train-copies", "class-pca-gaussian", "pca-gaussian", "mean-image", "noise"
]
"""Images that no model made: the real ones, copies, simple densities, and the worst."""


class Gate(Entry):
    """A number that every training of a row must reach, or the row says that it failed.

    Attributes:
        metric: a metric of one image set, or a number that the model measures of itself.
        sampler: which images the metric is of; None for what the model measures.
        at_least: the smallest value that passes.
        text: what the gate asks, in a few words.
    """

    metric: MetricName
    sampler: Id | None = None
    at_least: float
    text: Text


class StartFrom(Entry):
    """The trainings whose final weights a variant goes on from, seed by seed.

    Attributes:
        suite: the table that they are of, or SUITE-BUDGET.
        variant: the row of that table.
    """

    suite: Id
    variant: Id


class Variant(Entry):
    """A model that can be trained: an algorithm and the settings in which it is special.

    Attributes:
        paper: the resource that introduced it.
        parent: the variant it is compared with. With the same algorithm it inherits the parent's
            recipe, so ``recipe`` holds only the differences; otherwise it starts from the typed
            defaults of its own algorithm.
        recipe: settings that deviate from what was inherited.
        per_dataset: further deviations on one data set, by data set id.
        datasets: the only data sets that it can be trained on; None for any.
        gates: what every one of its trainings must reach.
        start_from: the trainings that it goes on from; None where weights are freshly drawn.
        deviations: where this row departs from its paper, one plain sentence each.
        reported: numbers that others published for it; ``setting`` says under which protocol.
    """

    id: Id
    name: Text
    family: Literal["gan", "vae", "autoregressive", "diffusion"]
    paper: Id
    algorithm: Algorithm
    parent: Id | None = None
    summary: Text
    datasets: Annotated[tuple[Id, ...], Field(min_length=1)] | None = None
    gates: tuple[Gate, ...] = ()
    start_from: StartFrom | None = None
    deviations: tuple[Sentence, ...] = ()
    reported: tuple[Reported, ...] = ()
    recipe: Recipe = Field(default_factory=dict)
    per_dataset: dict[Id, Recipe] = Field(default_factory=dict)

    def fits(self, dataset: str) -> bool:
        """Whether it can be trained on a data set, given by its id."""
        return self.datasets is None or dataset in self.datasets


UNPINNED: Literal["unpinned"] = "unpinned"
"""In place of a fingerprint: the pixels are not known before a machine has decoded them."""

BudgetName = Literal["tiny", "short", "paper"]
"""Minutes on a CPU, an evening on a GPU, and what the papers trained for."""


class Dataset(Entry):
    """Images that models learn from, pinned by the bytes that they decode to.

    Attributes:
        paper: the resource that introduced it; None for images of the user's own.
        loader: what reads it, by its name in ``bench.data.loaders.LOADERS``.
        resolution: height and width in pixels.
        splits: number of images by split name; splits are disjoint.
        fingerprint: sha256 over the decoded uint8 pixels and labels of all splits, or ``unpinned``:
            then ``aigc bench data prepare`` pins it on each machine, and numbers compare only
            between machines that decoded the same pixels.
        recipes_of: the data set whose settings of each variant hold here too, below its own.
    """

    id: Id
    name: Text
    paper: Id | None = None
    loader: Id
    resolution: Resolution
    channels: Channels
    n_classes: Classes
    splits: dict[Id, PositiveInt]
    fingerprint: Sha256 | Literal["unpinned"]
    licence: Sentence
    recipes_of: Id | None = None

    @property
    def is_pinned(self) -> bool:
        """Whether it is known which pixels it holds."""
        return self.fingerprint != UNPINNED


class Extractor(Entry):
    """A feature network whose activations the metrics compare.

    Attributes:
        weights: file name, or None for an extractor without weights.
        sha256: of that file; checked before it is parsed. None with a file name: every machine
            makes its own by ``rebuild``, and numbers compare only under the same file.
        n_bytes: its size, checked first.
        layers: which layer each metric reads.
        classifies: whether ``isc`` names logits over classes; without them the inception score
            means nothing.
        resolution: the only image size it accepts, or None for any.
        rebuild: the command that makes the weights again, if the project made them.
        accuracy: share of images that it classifies rightly, by split, if it is a classifier.
    """

    id: Id
    name: Text
    weights: FileName | None = None
    sha256: Sha256 | None = None
    n_bytes: PositiveInt | None = None
    layers: dict[Literal["isc", "fid", "kid", "prc"], Sentence]
    classifies: bool = True
    resolution: Resolution | None = None
    rebuild: Sentence | None = None
    accuracy: dict[Id, Annotated[float, Field(ge=0.0, le=1.0)]] = Field(default_factory=dict)


class Protocol(Entry):
    """Everything that fixes how a score is made; two scores compare only under equal protocols.

    Attributes:
        reference_split: the real images that fakes are compared with.
        held_out_split: real images that no model saw, for distances at equal n and copy rates.
        n_fake: images drawn from each model.
        kid_subset_size: images per KID subset; at most the smallest set that is scored.
        prc_neighborhood: k of the k-nearest-neighbour manifolds of precision and recall.
        prc_samples: precision and recall see so many first images of each side; None for all real
            ones. They compare every image with every other, which 50,000 images make slow.
        rng_seed: seed of the metrics' own shuffles, unrelated to training and sampling seeds.
        batch_size: images per extractor call; features depend on it in the last digit.
    """

    id: Id
    version: PositiveInt
    dataset: Id
    reference_split: Id
    held_out_split: Id
    n_fake: ImageCount
    extractor: Id
    isc_splits: Count
    kid_subsets: Count
    kid_subset_size: Count
    prc_neighborhood: Count
    rng_seed: Seed
    batch_size: Count
    prc_samples: Count | None = None


class Budget(Entry):
    """How long the rows of a suite are trained, and what that takes.

    Attributes:
        steps: generator (or autoencoder) updates per run.
        seeds: instead of the suite's.
        variants: the rows that so little is worth it for; the suite's where it is absent.
        cpu_hours, gpu_hours: what one run of the slowest row takes, roughly, on one CPU core and
            on one data-centre GPU; None where nobody should try.
        cpu: whether it is meant to run on a CPU without being asked to.
    """

    steps: Annotated[int, Field(ge=1, le=10**9)]
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] | None = None
    variants: Annotated[tuple[Id, ...], Field(min_length=1)] | None = None
    cpu_hours: PositiveFloat | None = None
    gpu_hours: PositiveFloat | None = None
    cpu: bool = False


class Suite(Entry):
    """One table: which variants are trained, how long, how often, and how they are scored.

    Attributes:
        train_split: the images that models learn from; the protocol's reference where it is absent.
        variants: ids, or ``all`` for every variant that can be trained on the data set.
        steps: generator (or autoencoder) updates per run.
        cpu: whether the suite is meant to run on a CPU without being asked to.
        calibration: unranked rows that give the numbers their scale.
        publish_weights: whether a report keeps the weights beside the records, so that anybody can
            make its numbers again.
        for_claims: whether its rows were chosen to test claims, so that the best of them is no
            recommendation.
        budgets: further tables, called ``SUITE-BUDGET``, which differ in how long is trained.
        cpu_hours, gpu_hours: as in ``Budget``, whose table this is.
    """

    id: Id
    title: Text
    dataset: Id
    protocol: Id
    train_split: Id | None = None
    variants: Literal["all"] | tuple[Id, ...]
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    steps: Annotated[int, Field(ge=1, le=10**9)]
    cpu: bool
    calibration: tuple[CalibrationRow, ...]
    publish_weights: bool = False
    for_claims: bool = False
    budgets: dict[BudgetName, Budget] = Field(default_factory=dict)
    cpu_hours: PositiveFloat | None = None
    gpu_hours: PositiveFloat | None = None

    def within(self, name: BudgetName) -> Suite | None:
        """The suite of one of its budgets, or None if it has no such budget."""
        budget = self.budgets.get(name)
        if budget is None:
            return None
        return self.model_copy(
            update={
                "id": f"{self.id}-{name}",
                "title": Text(
                    en=f"{self.title.en}, {name} budget",
                    zh=f"{self.title.zh}，{BUDGETS_ZH[name]}",
                ),
                "steps": budget.steps,
                "seeds": budget.seeds or self.seeds,
                "variants": budget.variants or self.variants,
                "cpu": budget.cpu,
                "cpu_hours": budget.cpu_hours,
                "gpu_hours": budget.gpu_hours,
                "budgets": {},
            }
        )


BUDGETS_ZH: dict[BudgetName, str] = {"tiny": "极小预算", "short": "短预算", "paper": "论文预算"}
