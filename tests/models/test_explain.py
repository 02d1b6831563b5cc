"""What ``explain`` says of a variant: origins of settings, formulas, files."""

from __future__ import annotations

import pytest

from bench.identity.names import present_name
from bench.identity.settings import flatten
from bench.identity.sources import ROOT
from bench.models.build import resolve_recipe
from bench.models.explain import CITED, explain
from catalog.read.loader import load_registry
from catalog.schema import Registry


def test_settings_come_from_where_the_registry_has_them(registry: Registry) -> None:
    found = explain(registry, registry.variant("wgan-gp"), "digits")
    origins = {setting.name: setting.origin for setting in found.settings}
    assert origins["loss"] == origins["penalty.gradient"] == "wgan-gp"
    assert origins["critic_steps"] == "wgan-gp on digits"
    assert origins["optimizer.lr"] == "dcgan on digits"
    assert origins["batch_size"] == "default"


@pytest.mark.parametrize("name", [variant.id for variant in load_registry().variants])
def test_every_variant_is_explained_in_full(name: str, registry: Registry) -> None:
    variant = registry.variant(name)
    dataset = (variant.datasets or ("digits",))[0]
    found = explain(registry, variant, dataset)
    resolved = flatten(resolve_recipe(registry, variant, dataset).model_dump(mode="json"))
    assert {setting.name: setting.value for setting in found.settings} == resolved
    known = {ancestor.id for ancestor in registry.variants}
    for setting in found.settings:
        owner = setting.origin.partition(" on ")[0]
        assert owner == "default" or owner in known
    assert found.formulas
    for formula in found.formulas:
        assert CITED.search(formula.says) or formula.place.startswith("bench/objectives/")
    assert all((ROOT / page.file).is_file() for page in found.pages)
    module = present_name("algorithm", variant.algorithm).partition(":")[0]
    assert found.pages[0].file == f"{module.replace('.', '/')}.py"


def test_a_wgan_gp_is_read_in_seven_files(registry: Registry) -> None:
    pages = explain(registry, registry.variant("wgan-gp"), "digits").pages
    files = [page.file for page in pages]
    assert len(files) <= 7, files
    assert {"bench/objectives/adversarial.py", "bench/objectives/penalties.py"} <= {*files}
    assert "lecam" not in " ".join(files)
