"""Checkpoints: whole or absent, of this run or refused, and free of code."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bench import checkpoint
from bench.ema import AveragedWeights
from bench.models.gan import GAN
from catalog.errors import InvalidInput

CPU = torch.device("cpu")
ModelOf = Callable[..., GAN]
SMALL = {"width": 4, "latent_dim": 6}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint.pt"


def test_a_restored_training_goes_on_as_it_would_have(
    file: Path, model_of: ModelOf, one_step: Callable[..., Any]
) -> None:
    straight = model_of(GAN, **SMALL)
    average = AveragedWeights(straight.sampling_modules(), 0.9)
    one_step(straight)
    average.update()
    checkpoint.write(file, "a", {"step": 1, **checkpoint.capture(straight, average)})
    expected_noise = torch.randn(3)
    one_step(straight, seed=5)

    resumed = model_of(GAN, seed=77, **SMALL)
    resumed_average = AveragedWeights(resumed.sampling_modules(), 0.9)
    saved = checkpoint.read(file, "a", CPU)
    assert saved is not None
    checkpoint.restore(saved, resumed, resumed_average)
    assert torch.equal(torch.randn(3), expected_noise)
    assert resumed_average.n_updates == 1
    one_step(resumed, seed=5)
    for name, tensor in straight.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name
    for name, tensor in average.average.items():
        assert torch.equal(resumed_average.average[name], tensor), name


def test_no_file_no_content(file: Path) -> None:
    assert checkpoint.read(file, "a", CPU) is None
    assert checkpoint.saved_step(file) is None


def test_the_step_of_a_checkpoint(file: Path) -> None:
    checkpoint.write(file, "a", {"step": 41})
    assert checkpoint.saved_step(file) == 41


def test_a_checkpoint_of_another_run_is_refused(file: Path) -> None:
    checkpoint.write(file, "a", {"step": 1})
    with pytest.raises(InvalidInput, match="belongs to another run") as caught:
        checkpoint.read(file, "b", CPU)
    assert caught.value.hint == checkpoint.START_AGAIN


def truncated(file: Path) -> bytes:
    checkpoint.write(file, "a", {"step": 1, "weights": torch.zeros(1000)})
    return file.read_bytes()[:1500]


@pytest.mark.parametrize(
    "damage",
    [lambda _: b"", lambda _: b"garbage", lambda _: b"PK\x03\x04 no archive", truncated],
    ids=["empty", "garbage", "broken archive", "truncated"],
)
def test_damaged_files_are_refused_in_words(damage: Callable[[Path], bytes], file: Path) -> None:
    file.write_bytes(damage(file))
    with pytest.raises(InvalidInput, match="the checkpoint is damaged"):
        checkpoint.read(file, "a", CPU)
    assert checkpoint.saved_step(file) is None


class Code:
    """Unpickling it would call ``print``."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("code ran",)


def test_no_code_runs_while_reading(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"fingerprint": "a", "step": 1, "code": Code()}, file)
    with pytest.raises(InvalidInput):
        checkpoint.read(file, "a", CPU)
    assert "code ran" not in capsys.readouterr().out


def test_a_failed_write_leaves_the_old_file(file: Path) -> None:
    checkpoint.write(file, "a", {"step": 1})
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        checkpoint.write(file, "a", {"step": 2, "cannot be pickled": lambda: None})
    assert checkpoint.saved_step(file) == 1
    assert [path.name for path in file.parent.iterdir()] == [file.name]
