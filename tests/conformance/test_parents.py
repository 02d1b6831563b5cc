"""A variant is its parent plus what its entry says: nothing more, and nothing that does nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.data import ImageSplit
from bench.identity.spec import TrainSpec
from bench.models.build import algorithm_class, build_from_spec, parse_recipe, resolve_recipe
from bench.train.loop import Trainer
from catalog.errors import InvalidInput
from catalog.schema import Registry

Recipe = dict[str, Any]
SmallSpec = Callable[..., TrainSpec]

N_UPDATES = 2
"""Adam's first update hardly depends on its betas, and a schedule starts at its second."""
SIZE = 16
"""The smallest at which every network has a normaliser between its layers."""
BATCH_SHRUNK_BY = 16
HASTE = 100.0
"""Multiplies the learning rate, so that bounds which bind late in a training bind at once."""


@pytest.fixture(scope="module")
def images(split_of: Callable[..., ImageSplit]) -> ImageSplit:
    return split_of(40, size=SIZE)


@pytest.fixture(scope="module")
def small(spec_of: SmallSpec, registry: Registry) -> SmallSpec:
    """A small training of a variant with changed settings; batches keep their proportions."""

    def spec(variant: str, **changes: Any) -> TrainSpec:
        entry = registry.variant(variant)
        recipe = resolve_recipe(registry, entry, (entry.datasets or ("digits",))[0])
        sizes = {"batch_size": recipe.batch_size // BATCH_SHRUNK_BY}
        return spec_of(variant, 1, SIZE, steps=N_UPDATES, **sizes | changes)

    return spec


@pytest.fixture
def parent(variant: str, registry: Registry) -> str:
    """The parent of a variant that shares its algorithm; other variants have nothing to show."""
    entry = registry.variant(variant)
    if entry.parent is None:
        pytest.skip("no parent")
    if registry.variant(entry.parent).algorithm != entry.algorithm:
        pytest.skip("its parent is another class: the module's own tests compare the two")
    if not all(registry.variant(entry.parent).fits(name) for name in entry.datasets or ()):
        pytest.skip("its parent is trained on other data")
    return entry.parent


@pytest.fixture
def changed(variant: str, parent: str, small: SmallSpec) -> Recipe:
    """The parent's values of the settings in which the variant differs from it on digits."""
    own = small(variant).recipe
    return {key: value for key, value in small(parent).recipe.items() if value != own[key]}


def after_updates(spec: TrainSpec, split: ImageSplit) -> list[dict[str, Tensor]]:
    """Weights and their averages after each of the first updates."""
    trainer = Trainer(build_from_spec(spec), split, n_steps=N_UPDATES, seed=spec.seed)
    torch.manual_seed(spec.seed)
    trainer.model.train()
    states = []
    for _ in range(N_UPDATES):
        trainer.update()
        state = dict(trainer.model.state_dict())
        if trainer.average is not None:
            state |= {f"average of {key}": value for key, value in trainer.average.average.items()}
        states.append({key: value.detach().clone() for key, value in state.items()})
    return states


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Bit for bit."""
    return first.keys() == second.keys() and all(
        torch.equal(value, second[key]) for key, value in first.items()
    )


def test_taking_every_change_back_gives_the_parent(
    variant: str, parent: str, changed: Recipe, small: SmallSpec, images: ImageSplit
) -> None:
    parents = after_updates(small(parent), images)
    for own, theirs in zip(after_updates(small(variant, **changed), images), parents, strict=True):
        assert same(own, theirs)
    assert not same(after_updates(small(variant), images)[-1], parents[-1])


def test_every_change_counts(
    variant: str, changed: Recipe, registry: Registry, small: SmallSpec, images: ImageSplit
) -> None:
    model = algorithm_class(registry.variant(variant).algorithm)
    recipe = dict(small(variant).recipe)

    def end(**changes: Any) -> dict[str, Tensor]:
        settings = recipe | changes
        rate = HASTE * settings["optimizer"]["lr"]
        settings["optimizer"] = settings["optimizer"] | {"lr": rate}
        return after_updates(small(variant, **settings), images)[-1]

    complete = end()
    assert all(torch.isfinite(value).all() for value in complete.values())
    for key, value in changed.items():
        try:
            parse_recipe(model, recipe | {key: value}, variant)
        except InvalidInput:
            continue  # it needs another change, as a gradient penalty needs images to be apart
        assert not same(end(**{key: value}), complete), f"{key} changes nothing"
