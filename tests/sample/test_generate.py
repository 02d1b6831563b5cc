"""``aigc bench generate``: a prompt in words, and sentences for what cannot be drawn."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import write_trained
from PIL import Image
from typer.testing import CliRunner, Result

import bench.sample.draw
from bench.cli import main as cli
from bench.data import ImageSplit
from bench.identity.spec import DatasetSpec, TrainSpec
from bench.models.build import algorithm_class, build_from_spec, parse_recipe
from bench.records.run_directory import RunDirectory
from bench.sample.trained_model import finish, save
from catalog.errors import UsageError

CPU = torch.device("cpu")
DALLE_SETTINGS = {"width": 4, "n_codes": 8, "prior_dim": 8, "prior_layers": 1, "prior_heads": 2}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.sample.draw, "SAMPLING_BATCH", 6)


def finished_run(folder: Path, variant: str, algorithm: str, **settings: Any) -> Path:
    """A run directory whose model has learned nothing."""
    recipe = parse_recipe(algorithm_class(algorithm), settings, variant).model_dump(mode="json")
    dataset = DatasetSpec(
        id="digits",
        fingerprint="0" * 64,
        split="train",
        n_images=10,
        resolution=8,
        channels=1,
        n_classes=10,
    )
    spec = TrainSpec(
        variant=variant, algorithm=algorithm, recipe=recipe, dataset=dataset, seed=0, steps=1
    )
    split = ImageSplit(torch.zeros(10, 1, 8, 8, dtype=torch.uint8), torch.arange(10))
    directory = RunDirectory(folder / spec.run_id)
    files = save(finish(spec, build_from_spec(spec), None, split), directory)
    write_trained(directory, spec, files)
    return directory.path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    return finished_run(folder, "dall-e", "bench.models.dalle:DALLE", **DALLE_SETTINGS)


Draw = Callable[..., Any]


def generate(run: Path, file: Path, prompt: str, *options: str) -> Result:
    command = ["bench", "generate", str(run), "--prompt", prompt, "--out", str(file)]
    return CliRunner().invoke(cli.app, [*command, "--device", "cpu", *options])


@pytest.fixture
def drawn(run: Path, tmp_path: Path) -> Draw:
    def draw(prompt: str, n: int, seed: int = 0) -> Any:
        file = tmp_path / "drawn.npy"
        result = generate(run, file, prompt, "--n", str(n), "--seed", str(seed))
        assert result.exit_code == 0, result.exception
        assert result.stdout == f"{file.as_posix()}\n"
        return np.load(file)

    return draw


def test_images_are_a_function_of_run_prompt_seed_and_number(drawn: Draw) -> None:
    images = drawn("a handwritten seven", 8)
    assert images.shape == (8, 1, 8, 8)
    assert images.dtype == np.uint8
    assert np.array_equal(images, drawn("A Handwritten SEVEN", 8))
    assert np.array_equal(images[:5], drawn("a handwritten seven", 5))
    assert len({image.tobytes() for image in images}) == 8
    assert not np.array_equal(images, drawn("a handwritten seven", 8, seed=1))
    assert not np.array_equal(images, drawn("two", 8))


def test_a_grid_is_a_picture(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "grid.png"
    result = generate(run, file, "the digit two", "--n", "4")
    assert (result.exit_code, result.stdout) == (0, f"{file.as_posix()}\n")
    with Image.open(file) as picture:
        assert picture.format == "PNG"


@pytest.mark.parametrize(
    ("prompt", "suffix", "options", "message"),
    [
        ("a handwriten seven", "png", [], "'handwriten' is not in the vocabulary"),
        ("a handwriten seven", "png", [], "(did you mean: handwritten"),
        ("", "npy", [], "the prompt is empty"),
        ("the the the the the the the", "npy", [], "has 7 words; at most 6"),
        ("seven", "gif", [], "x.gif' is neither .png nor .npy"),
        ("seven", "npy", ["--ema"], "dall-e keeps no averaged weights"),
    ],
)
def test_what_cannot_be_generated(
    run: Path, tmp_path: Path, prompt: str, suffix: str, options: list[str], message: str
) -> None:
    file = tmp_path / f"x.{suffix}"
    error = generate(run, file, prompt, *options).exception
    assert isinstance(error, UsageError)
    assert message in error.what
    assert not file.exists()


@pytest.mark.parametrize(
    ("variant", "algorithm"), [("vae", "bench.models.vae:VAE"), ("dcgan", "bench.models.gan:GAN")]
)
def test_a_model_without_prompts_exits_with_2(
    variant: str,
    algorithm: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = finished_run(tmp_path, variant, algorithm, width=4, latent_dim=4)
    arguments = ["aigc", "bench", "generate", str(run), "--prompt", "seven", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[0] == f"error: {variant} takes no prompts"
