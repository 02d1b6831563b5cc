"""What is trained: a variant on a data set with a seed and a budget, resolved to the last default.

The train hash is a function of the resolved spec alone, so equal hashes mean equal trainings, and
the same command finds the work of an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PositiveInt

from bench.identity.digest import sha256_of_data
from bench.identity.local_registry import require_pinned
from bench.identity.names import Digest, Name
from catalog.schema import Dataset, Recipe, Registry, Variant
from catalog.schema.benchmark import Channels, Classes, Resolution, Seed

Precision = Literal["fp32", "bf16"]
"""Number format of the passes through networks; weights and optimisers always use float32."""


class DatasetSpec(BaseModel):
    """The images that a model learns from."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    id: Name
    fingerprint: Digest
    split: Name
    n_images: PositiveInt
    resolution: Resolution
    channels: Channels
    n_classes: Classes


class Start(BaseModel):
    """The earlier training whose final weights a training goes on from.

    Attributes:
        run_id: its name, which decides nothing.
        train_hash: what it is.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    run_id: Name
    train_hash: Digest


class TrainSpec(BaseModel):
    """One training; ``recipe`` holds every setting of its algorithm, defaults included.

    ``start`` is None where weights are freshly drawn; then the spec is written without it, as in
    the days before fine-tuning.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    variant: Name
    algorithm: Annotated[str, Field(max_length=200)]
    recipe: dict[str, JsonValue]
    dataset: DatasetSpec
    seed: Seed
    steps: PositiveInt
    precision: Precision = "fp32"
    start: Start | None = Field(default=None, exclude_if=lambda value: value is None)

    @property
    def train_hash(self) -> str:
        """Hex sha256 of the spec; names are left out, since they decide nothing."""
        data = self.model_dump(mode="json", exclude={"variant": True, "start": {"run_id"}})
        return sha256_of_data(data)

    @property
    def label(self) -> str:
        """What people call the run: variant and seed."""
        return f"{self.variant} s{self.seed}"

    @property
    def run_id(self) -> str:
        """Readable and unique name of the run directory."""
        return f"{self.variant}-{self.dataset.id}-s{self.seed}-{self.train_hash[:8]}"


class RecipeLayer(NamedTuple):
    """Settings from one place of the registry.

    Attributes:
        variant: whose entry they stand in.
        dataset: the data set that they are for, or None for all.
    """

    variant: str
    dataset: str | None
    settings: Recipe


def recipe_layers(registry: Registry, variant: Variant, dataset: str) -> Iterator[RecipeLayer]:
    """Where the settings of ``variant`` stand, each layer over those before it.

    First come those of its ancestors that use the same algorithm. In each generation, settings for
    one data set stand over those for all, and over those for the data set whose recipes it takes.
    """
    if variant.parent is not None:
        parent = registry.variant(variant.parent)
        if parent.algorithm == variant.algorithm:
            yield from recipe_layers(registry, parent, dataset)
    yield RecipeLayer(variant.id, None, variant.recipe)
    for name in (_recipes_of(registry, dataset), dataset):
        yield RecipeLayer(variant.id, name, variant.per_dataset.get(name, {}))


def inherited_recipe(registry: Registry, variant: Variant, dataset: str) -> Recipe:
    """Settings of ``variant`` over those of its ancestors that use the same algorithm.

    Mappings are merged key by key; ``null`` takes an inherited setting back to its default.
    """
    merged: Recipe = {}
    for layer in recipe_layers(registry, variant, dataset):
        merged = merge(merged, layer.settings)
    return merged


def _recipes_of(registry: Registry, dataset: str) -> str:
    return next((d.recipes_of or "" for d in registry.datasets if d.id == dataset), "")


def merge(base: Recipe, over: Recipe) -> Recipe:
    """``over`` laid over ``base``: mappings key by key, ``null`` taking a setting away."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = merge(old if isinstance(old, dict) else {}, value)
        else:
            merged[key] = value
    return merged


def train_spec(
    variant: Variant,
    dataset: Dataset,
    recipe: dict[str, Any],
    *,
    split: str,
    seed: int,
    steps: int,
    precision: Precision = "fp32",
    start: Start | None = None,
) -> TrainSpec:
    """The resolved spec of one training; ``recipe`` is complete, defaults filled in.

    Raises:
        MissingPrerequisite: the data set is not known before this machine has decoded it.
    """
    require_pinned(dataset)
    return TrainSpec(
        variant=variant.id,
        algorithm=variant.algorithm,
        recipe=recipe,
        dataset=DatasetSpec(
            id=dataset.id,
            fingerprint=dataset.fingerprint,
            split=split,
            n_images=dataset.splits[split],
            resolution=dataset.resolution,
            channels=dataset.channels,
            n_classes=dataset.n_classes,
        ),
        seed=seed,
        steps=steps,
        precision=precision,
        start=start,
    )
