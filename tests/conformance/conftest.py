"""Every registered variant at a size that trains in a blink."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bench.data import ImageSplit
from bench.identity.spec import DatasetSpec, TrainSpec
from bench.models.base import GenerativeModel
from bench.models.build import algorithm_class, build_from_spec, resolve_recipe
from catalog.read.loader import load_registry

REGISTRY = load_registry()
SMALL: dict[str, Any] = {
    "width": 8,
    "critic_width": 8,
    "latent_dim": 6,
    "discriminator_width": 8,
    "batch_size": 8,
    "n_codes": 16,
    "code_dim": 4,
    "prior_dim": 16,
    "prior_layers": 1,
    "prior_heads": 2,
    "n_levels": 8,
    "dim": 16,
    "n_layers": 2,
    "n_heads": 2,
    "n_pseudo_inputs": 12,
    "second_width": 16,
    "sampling_steps": 4,
}
"""Replaces settings that a recipe has; everything that makes a variant what it is stays."""


def home_of(variant: str) -> str:
    """The data set whose recipe and classes a variant is tested with."""
    datasets = REGISTRY.variant(variant).datasets or ("digits",)
    return datasets[0]


def small_spec(
    variant: str, channels: int = 1, size: int = 8, *, seed: int = 0, steps: int = 6, **changes: Any
) -> TrainSpec:
    """A training of a variant on made-up images, small but otherwise as registered."""
    entry = REGISTRY.variant(variant)
    recipe = resolve_recipe(REGISTRY, entry, home_of(variant)).model_dump(mode="json")
    for name, value in (SMALL | changes).items():
        if name in recipe:
            recipe[name] = value
    dataset = DatasetSpec(
        id="made-up",
        fingerprint="0" * 64,
        split="train",
        n_images=40,
        resolution=size,
        channels=channels,
        n_classes=REGISTRY.dataset(home_of(variant)).n_classes,
    )
    return TrainSpec(
        variant=variant,
        algorithm=entry.algorithm,
        recipe=recipe,
        dataset=dataset,
        seed=seed,
        steps=steps,
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "having(ability): only variants with these methods")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "variant" not in metafunc.fixturenames:
        return
    abilities = [mark.kwargs["ability"] for mark in metafunc.definition.iter_markers("having")]
    variants = [v.id for v in REGISTRY.variants if all(has_all(v.id, a) for a in abilities)]
    assert len(variants) > 1
    metafunc.parametrize("variant", variants)


def has_all(variant: str, ability: type) -> bool:
    """Whether a variant's algorithm has all methods of an optional ability."""
    algorithm = algorithm_class(REGISTRY.variant(variant).algorithm)
    return all(hasattr(algorithm, name) for name in vars(ability) if not name.startswith("_"))


SpecOf = Callable[..., TrainSpec]
ModelOf = Callable[..., GenerativeModel]


@pytest.fixture(scope="session")
def spec_of() -> SpecOf:
    return small_spec


@pytest.fixture
def home(variant: str) -> str:
    return home_of(variant)


@pytest.fixture(scope="session")
def small_model() -> ModelOf:
    """From the arguments of ``small_spec`` to a fresh model."""
    return lambda *args, **kwargs: build_from_spec(small_spec(*args, **kwargs))


@pytest.fixture(scope="session")
def split(split_of: Callable[..., ImageSplit]) -> ImageSplit:
    return split_of(40)


@pytest.fixture(scope="session")
def has() -> Callable[[str, type], bool]:
    """Whether a variant has an optional ability."""
    return has_all
