"""Code may be renamed: what the registry and records call it stays, and finds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bench.identity.code import code_of_training
from bench.identity.names import RENAMED, present_name
from bench.models.build import algorithm_class
from bench.models.gan import GAN
from catalog.errors import InvalidInput
from catalog.schema import Registry

ModelOf = Callable[..., Any]


@pytest.mark.parametrize(("old", "new"), RENAMED["algorithm"].items())
def test_old_algorithms_are_found_and_have_the_code_of_the_new(old: str, new: str) -> None:
    assert algorithm_class(old) is algorithm_class(new)
    assert code_of_training(old, {}) == code_of_training(new, {})


def test_every_algorithm_of_the_registry_is_found(registry: Registry) -> None:
    for variant in registry.variants:
        assert algorithm_class(variant.algorithm).__name__ == variant.algorithm.partition(":")[2]


@pytest.mark.parametrize("kind", RENAMED)
def test_no_new_name_is_an_old_one(kind: str) -> None:
    names = RENAMED[kind]  # type: ignore[index]
    assert not names.keys() & set(names.values())


def test_other_names_are_their_own() -> None:
    assert present_name("algorithm", "mine.models:VQ") == "mine.models:VQ"


def test_a_renamed_backbone_stays_in_the_recipe_and_builds_the_new_one(
    monkeypatch: pytest.MonkeyPatch, model_of: ModelOf
) -> None:
    with pytest.raises(InvalidInput, match="no backbone is called 'dcgan-2015'"):
        model_of(GAN, backbone="dcgan-2015")
    monkeypatch.setitem(RENAMED["backbone"], "dcgan-2015", "dcgan")
    old, new = model_of(GAN, backbone="dcgan-2015"), model_of(GAN, backbone="dcgan")
    assert old.recipe.backbone == "dcgan-2015"
    assert all(map(torch.equal, old.state_dict().values(), new.state_dict().values()))
    codes = [
        code_of_training("bench.models.gan:GAN", {"backbone": m.recipe.backbone})
        for m in (old, new)
    ]
    assert codes[0] == codes[1]
