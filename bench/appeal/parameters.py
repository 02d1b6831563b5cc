"""Published sizes of networks: how many parameters a registered recipe has, and which would fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from bench.appeal.arithmetic import Reading
from bench.appeal.claim import Claim, Part
from bench.appeal.search import Deviation
from bench.identity.spec import inherited_recipe, merge
from bench.models.build import BROKEN_CONSTRUCTION, algorithm_class, build_model, parse_recipe
from bench.networks.shape import ImageShape
from catalog.errors import InvalidInput
from catalog.schema import Registry

VALUES: dict[str, tuple[int, ...]] = {
    "width": (32, 64, 96, 128, 192, 256),
    "max_width": (256, 512),
    "latent_dim": (64, 100, 128, 256, 512),
}
"""Settings of which papers differ, and what they choose."""


@dataclass(frozen=True)
class Network:
    """A network that can be counted.

    Attributes:
        settings: of its recipe, where they differ from the registered ones.
    """

    variant: str
    dataset: str
    part: Part
    settings: tuple[tuple[str, Any], ...] = ()
    setting: tuple[str, int] | None = None


def count(registry: Registry, network: Network) -> Reading:
    """Trainable numbers of a network of the registry; nothing is trained, or even initialised.

    Raises:
        UsageError: there is no such variant or data set.
        InvalidInput: the variant does not fit the data set, or a setting is none of its recipe.
    """
    variant, dataset = registry.variant(network.variant), registry.dataset(network.dataset)
    if not variant.fits(dataset.id):
        raise InvalidInput(
            f"variant '{variant.id}' cannot be trained on '{dataset.id}'",
            hint=f"it can be trained on: {', '.join(variant.datasets or ())}",
        )
    algorithm = algorithm_class(variant.algorithm)
    changed = dict(network.settings) | dict([network.setting] if network.setting else [])
    settings = merge(inherited_recipe(registry, variant, dataset.id), changed)
    recipe = parse_recipe(algorithm, settings, f"the claim on '{variant.id}'")
    shape = ImageShape(dataset.channels, dataset.resolution)
    try:
        with torch.device("meta"):
            model = build_model(algorithm, recipe, shape, dataset.n_classes, 0)
    except BROKEN_CONSTRUCTION as error:
        raise InvalidInput(f"no {variant.id} can be built for {dataset.id}: {error}") from error
    total = sum(one.numel() for one in model.parameters())
    sampler = {
        id(one): one.numel()
        for module in model.sampling_modules().values()
        for one in module.parameters()
    }
    drawn = sum(sampler.values())
    return Reading(float({"sampler": drawn, "rest": total - drawn, "all": total}[network.part]))


def network_of(claim: Claim) -> Network:
    """What a claim counts."""
    about = claim.about
    return Network(
        str(about.variant), str(about.dataset), about.part, tuple(about.settings.items())
    )


def deviations(registry: Registry, network: Network) -> list[Deviation]:
    """Other parts, other settings, and images of other data sets."""
    found = [
        Deviation("part", network.part, part, {"part": part})
        for part in ("sampler", "rest", "all")
        if part != network.part
    ]
    variant = registry.variant(network.variant)
    defaults = algorithm_class(variant.algorithm).recipe_type().model_dump(mode="json")
    present = merge(defaults, inherited_recipe(registry, variant, network.dataset))
    present |= dict(network.settings)
    stated = dict(network.settings)
    for key, values in VALUES.items():
        if type(present.get(key)) is int:
            found += [
                Deviation(
                    "setting",
                    f"{key} {present[key]}",
                    f"{key} {value}",
                    {"setting": (key, value)},
                    contradicts=key in stated,
                )
                for value in values
                if value != present[key]
            ]
    shapes: set[tuple[int, int]] = set()
    mine = registry.dataset(network.dataset)
    shapes.add((mine.channels, mine.resolution))
    for dataset in registry.datasets:
        shape = (dataset.channels, dataset.resolution)
        if variant.fits(dataset.id) and shape not in shapes:
            shapes.add(shape)
            found.append(Deviation("dataset", mine.id, dataset.id, {"dataset": dataset.id}))
    return found
