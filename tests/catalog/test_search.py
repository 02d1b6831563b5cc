from __future__ import annotations

import pytest

from catalog.browse.search import fold, search
from catalog.read.loader import load_registry
from catalog.schema import Registry


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def ids(registry: Registry, text: str) -> list[str]:
    return [hit.resource.id for hit in search(registry.resources, text)]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("dall-e", "dall-e"),
        ("DALL·E", "dall-e"),
        ("dalle", "dall-e"),
        ("ＤＡＬＬ－Ｅ", "dall-e"),
        ("1406.2661", "gan-paper"),
        ("VAE", "vae"),
        ("变分", "vae"),
        ("谱归一化", "sngan"),
        ("吴恩达", "deep-learning-specialization"),
        ("花书", "book-deep-learning"),
        ("goodfellow adversarial nets", "gan-paper"),
        ("模式崩溃", "mode-collapse"),
        ("wgan gp", "wgan-gp"),
        ("β-vae", "beta-vae"),
    ],
)
def test_what_people_type_finds_what_they_mean(registry: Registry, text: str, first: str) -> None:
    assert ids(registry, text)[0] == first


def test_chinese_finds_every_vae_without_word_splitting(registry: Registry) -> None:
    found = set(ids(registry, "变分"))
    family = {resource.id for resource in registry.resources if resource.family == "vae"}
    assert family <= found


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("stlyegan", "stylegan"),
        ("wavnet", "wavenet"),
        ("tensorflwo", "tensorflow"),
        ("kears", "keras"),
    ],
)
def test_typos_are_forgiven_and_marked(registry: Registry, typo: str, meant: str) -> None:
    hits = search(registry.resources, typo)
    assert hits[0].resource.id == meant
    assert not hits[0].exact


def test_every_word_must_be_somewhere(registry: Registry) -> None:
    both = set(ids(registry, "gan penalty"))
    assert both
    assert both < set(ids(registry, "gan"))


@pytest.mark.parametrize("text", ["", "  ", "zzqqxx", "\u3000"])
def test_nothing_finds_nothing(registry: Registry, text: str) -> None:
    assert ids(registry, text) == []


def test_folding_joins_width_case_and_space() -> None:
    assert fold("  ＧＡＮ　Straße ") == "gan strasse"


def test_the_order_is_stable(registry: Registry) -> None:
    assert ids(registry, "gan") == ids(registry, "gan")
    assert search(registry.resources, "gan", limit=3) == search(registry.resources, "gan")[:3]
