"""What the table of measures says that a number is of holds for the rows that have it."""

from __future__ import annotations

import pytest

from bench.models.build import algorithm_class, resolve_recipe
from bench.models.dalle import DALLE, DALLERecipe
from bench.models.ddpm import DDPM
from bench.models.pixels import PixelModel, PixelRecipe
from bench.objectives.diffusion import PIXEL_LEVELS
from bench.report.words import LANGUAGES, Language, Words
from catalog.read.loader import load_registry


@pytest.mark.parametrize("language", LANGUAGES)
def test_rows_with_bits_and_tokens_are_named_by_what_they_code(language: Language) -> None:
    said = Words(language)("measures_intro", held_out="test")
    registry = load_registry()
    named = {row.id for row in registry.variants if f"`{row.id}`" in said}
    kinds = {row.id: algorithm_class(row.algorithm) for row in registry.variants}
    of_pixels = {name for name, kind in kinds.items() if issubclass(kind, PixelModel)}
    of_noise = {name for name, kind in kinds.items() if issubclass(kind, DDPM)}
    of_text = {name for name, kind in kinds.items() if issubclass(kind, DALLE)}
    assert named == of_pixels | of_noise | of_text
    assert f"{PIXEL_LEVELS}" in said
    assert of_noise == {"ddpm"}
    for name in of_pixels | of_text:
        variant = registry.variant(name)
        for dataset in registry.datasets:
            if not variant.fits(dataset.id):
                continue
            recipe = resolve_recipe(registry, variant, dataset.id)
            if name in of_pixels:
                assert isinstance(recipe, PixelRecipe)
                assert 1 < recipe.n_levels <= PIXEL_LEVELS
            else:
                assert isinstance(recipe, DALLERecipe)
                assert recipe.draw_codes
