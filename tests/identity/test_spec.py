"""Specs and recipes: inheritance, defaults, hashes, and variants that need no code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import bench
from bench.identity.spec import TrainSpec, inherited_recipe, train_spec
from bench.models.autoencoder import Autoencoder
from bench.models.build import algorithm_class, load_variant, resolve_recipe
from bench.models.gan import GAN
from bench.models.noise import ImageNoise
from catalog.errors import InvalidInput, UsageError
from catalog.read.loader import load_registry
from catalog.read.locate import REGISTRY_VARIABLE, find_registry
from catalog.schema import Registry, Variant

OneStep = Callable[..., dict[str, Tensor]]


@pytest.fixture
def family(registry: Registry) -> Callable[..., dict[str, Any]]:
    """The recipe that a line of descent ends with, on one data set; the eldest comes first."""
    first = registry.variant("dcgan")

    def inherited(*generations: dict[str, Any], dataset: str = "digits") -> dict[str, Any]:
        variants: list[Variant] = []
        for age, changes in enumerate(generations):
            parent = f"v{age - 1}" if age else None
            base = {"id": f"v{age}", "parent": parent, "recipe": {}, "per_dataset": {}}
            variants.append(first.model_copy(update=base | changes))
        edited = registry.model_copy(update={"variants": tuple(variants)})
        return inherited_recipe(edited, variants[-1], dataset)

    return inherited


Family = Callable[..., dict[str, Any]]


def test_children_inherit_and_override(family: Family) -> None:
    parent = {"recipe": {"width": 8, "optimizer": {"lr": 0.1, "weight_decay": 0.5}}}
    child = {"recipe": {"optimizer": {"lr": 0.2}, "loss": "hinge"}}
    assert family(parent, child) == {
        "width": 8,
        "optimizer": {"lr": 0.2, "weight_decay": 0.5},
        "loss": "hinge",
    }


def test_null_takes_a_setting_back_to_its_default(family: Family) -> None:
    parent = {"recipe": {"width": 8, "penalty": {"r1": 1.0, "r2": 2.0}}}
    child = {"recipe": {"width": None, "penalty": {"r1": None}}}
    assert family(parent, child) == {"penalty": {"r2": 2.0}}
    assert family(parent, {"recipe": {"penalty": None}}) == {"width": 8}
    assert family(parent, {"recipe": {"penalty": None}}, {"recipe": {"penalty": {"r1": 3.0}}}) == {
        "width": 8,
        "penalty": {"r1": 3.0},
    }


def test_null_inside_a_new_mapping_changes_nothing(family: Family) -> None:
    assert family({"recipe": {"optimizer": {"lr": None}}}) == {"optimizer": {}}


def test_settings_for_a_data_set_stand_over_those_for_all(family: Family) -> None:
    parent = {
        "recipe": {"width": 8, "critic_steps": 2},
        "per_dataset": {"digits": {"width": 16}, "faces": {"width": 64}},
    }
    assert family(parent) == {"width": 16, "critic_steps": 2}
    assert family(parent, dataset="faces") == {"width": 64, "critic_steps": 2}
    assert family(parent, dataset="other") == {"width": 8, "critic_steps": 2}
    assert family(parent, {"recipe": {"critic_steps": 3}})["width"] == 16
    assert family(parent, {"recipe": {"width": 4}})["width"] == 4


def test_a_parent_with_another_algorithm_is_compared_with_and_not_inherited(
    family: Family,
) -> None:
    parent = {"recipe": {"width": 8}, "algorithm": "bench.models.vae:VAE"}
    assert family(parent, {"recipe": {"loss": "hinge"}}) == {"loss": "hinge"}


def test_inheriting_changes_no_ancestor(registry: Registry) -> None:
    before = registry.model_dump(mode="json")
    for variant in registry.variants:
        inherited_recipe(registry, variant, "digits")
    assert registry.model_dump(mode="json") == before


def resolved(registry: Registry, **recipe: Any) -> dict[str, Any]:
    variant = registry.variant("dcgan").model_copy(update={"recipe": recipe, "per_dataset": {}})
    return resolve_recipe(registry, variant, "digits").model_dump(mode="json")


def test_a_resolved_recipe_is_complete(registry: Registry) -> None:
    recipe = resolved(registry)
    assert set(recipe) == set(GAN.recipe_type.model_fields)
    assert recipe["optimizer"] == {"lr": 2e-4, "betas": [0.5, 0.999], "weight_decay": 0.0}


def test_part_of_an_optimizer_keeps_the_rest_of_the_algorithms_default(
    registry: Registry,
) -> None:
    recipe = resolved(registry, optimizer={"betas": [0.0, 0.9]})
    assert recipe["optimizer"] == {"lr": 2e-4, "betas": [0.0, 0.9], "weight_decay": 0.0}


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"crtic_steps": 2}, "crtic_steps: .*did you mean: critic_steps"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": "64"}, "batch_size"),
        ({"ema_decay": 1.0}, "ema_decay"),
        ({"optimizer": {"lr": -1.0}}, "optimizer.lr"),
        ({"optimizer": {"learning_rate": 0.1}}, "optimizer.learning_rate"),
        ({"lr_schedule": "cosine"}, "lr_schedule"),
    ],
    ids=str,
)
def test_broken_recipes_name_the_key(
    registry: Registry, recipe: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        resolved(registry, **recipe)
    assert "variant 'dcgan'" in str(caught.value)


def test_all_problems_of_a_recipe_are_told_at_once(registry: Registry) -> None:
    with pytest.raises(InvalidInput) as caught:
        resolved(registry, batch_size=0, widht=3)
    assert "batch_size" in str(caught.value)
    assert "widht" in str(caught.value)


@pytest.mark.parametrize(
    "algorithm",
    [
        "bench.models.gna:GAN",
        "bench.models.gan:GNA",
        "bench.models.gan",
        "bench.models.noise:ImageNoise",
    ],
)
def test_algorithms_that_are_none(algorithm: str) -> None:
    with pytest.raises(InvalidInput, match=algorithm):
        algorithm_class(algorithm)


def test_algorithms_by_import_string() -> None:
    assert algorithm_class("bench.models.autoencoder:Autoencoder") is Autoencoder


@pytest.fixture
def spec(registry: Registry) -> TrainSpec:
    return train_spec(
        registry.variant("dcgan"),
        registry.dataset("digits"),
        resolved(registry),
        split="train",
        seed=0,
        steps=100,
    )


def test_a_spec_describes_its_data(spec: TrainSpec, registry: Registry) -> None:
    dataset = registry.dataset("digits")
    assert spec.dataset.n_images == dataset.splits["train"]
    assert spec.dataset.fingerprint == dataset.fingerprint
    assert spec.dataset.resolution == 16
    assert spec.run_id == f"dcgan-digits-s0-{spec.train_hash[:8]}"


def test_the_hash_is_of_the_content(spec: TrainSpec) -> None:
    again = TrainSpec.model_validate_json(spec.model_dump_json())
    assert again == spec
    assert again.train_hash == spec.train_hash
    shuffled = dict(reversed(spec.recipe.items()))
    assert spec.model_copy(update={"recipe": shuffled}).train_hash == spec.train_hash


def test_the_name_of_a_variant_decides_nothing(spec: TrainSpec) -> None:
    assert spec.model_copy(update={"variant": "other"}).train_hash == spec.train_hash


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"steps": 101},
        {"algorithm": "bench.models.vae:VAE"},
        {"recipe": {"width": 3}},
        {"precision": "bf16"},
    ],
    ids=str,
)
def test_whatever_decides_a_training_changes_its_hash(
    spec: TrainSpec, change: dict[str, Any]
) -> None:
    assert spec.model_copy(update=change).train_hash != spec.train_hash


@pytest.mark.parametrize("field", ["fingerprint", "split", "n_images", "resolution", "n_classes"])
def test_other_data_change_the_hash(spec: TrainSpec, field: str) -> None:
    value = getattr(spec.dataset, field)
    other = spec.dataset.model_copy(update={field: value + (1 if isinstance(value, int) else "x")})
    assert spec.model_copy(update={"dataset": other}).train_hash != spec.train_hash


NEW_VARIANT = """
  - id: test-lsgan
    name: {en: "LSGAN of a test", zh: 测试用最小二乘生成对抗网络}
    family: gan
    paper: gan-paper
    algorithm: bench.models.gan:GAN
    parent: dcgan
    summary: {en: "Least squares instead of cross-entropy.", zh: "以最小二乘代替交叉熵。"}
    recipe: {loss: least-squares, width: 4, batch_size: 8}
"""


def test_a_new_variant_is_an_entry_and_no_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_step: OneStep
) -> None:
    path = tmp_path / "registry.yaml"
    text = find_registry().read_text(encoding="utf-8")
    head, variants, tail = text.partition("\nvariants:\n")
    path.write_text(head + variants.rstrip("\n") + NEW_VARIANT + tail, encoding="utf-8")
    monkeypatch.setenv(REGISTRY_VARIABLE, str(path))
    entry = load_registry().variant("test-lsgan")
    assert resolve_recipe(load_registry(), entry, "digits").batch_size == 8
    model = bench.load_variant("test-lsgan", seed=3)
    losses = one_step(model)
    # a fresh critic's scores are near zero: 1/2 (0 - 1)^2 for each side
    assert losses["d_loss"].item() == pytest.approx(0.5, abs=0.2)
    assert losses["g_loss"].item() == pytest.approx(0.5, abs=0.2)
    images = model.eval().sample(ImageNoise(0, range(2)))
    assert images.shape == (2, 1, 16, 16)


def test_load_variant_is_a_function_of_its_seed() -> None:
    first, again, other = (bench.load_variant("gan", seed=seed) for seed in (0, 0, 1))
    for name, tensor in first.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)
    assert any(
        not torch.equal(other.state_dict()[name], tensor)
        for name, tensor in first.state_dict().items()
    )


def test_load_variant_leaves_the_global_random_state_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reseeded: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", reseeded.append)
    before = torch.get_rng_state()
    bench.load_variant("gan")
    assert torch.equal(torch.get_rng_state(), before)
    assert not reseeded


@pytest.mark.parametrize(("variant", "dataset"), [("dcgam", "digits"), ("dcgan", "digit")])
def test_unknown_names_are_usage_errors(variant: str, dataset: str) -> None:
    with pytest.raises(UsageError, match="did you mean"):
        load_variant(variant, dataset, 0, "cpu")
