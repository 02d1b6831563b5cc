"""Checkpoints: whole or passed over, of this run or refused, and free of code."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.models.gan import GAN
from bench.records.checkpoint_file import (
    HEADER,
    START_AGAIN,
    Identity,
    files,
    previous,
    stored,
)
from bench.train import checkpoint
from bench.train.ema import AveragedWeights
from catalog.errors import InvalidInput

CPU = torch.device("cpu")
ModelOf = Callable[..., GAN]
SMALL = {"width": 4, "latent_dim": 6}


MINE = Identity("a", "code")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint.pt"


def step_of(file: Path, identity: Identity = MINE) -> int | None:
    content = checkpoint.read(file, identity, CPU)
    return None if content is None else content["step"]


def test_a_restored_training_goes_on_as_it_would_have(
    file: Path, model_of: ModelOf, one_step: Callable[..., Any]
) -> None:
    straight = model_of(GAN, **SMALL)
    average = AveragedWeights(straight.sampling_modules(), 0.9)
    one_step(straight)
    average.update()
    checkpoint.write(file, MINE, {"step": 1, **checkpoint.capture(straight, average)})
    expected_noise = torch.randn(3)
    one_step(straight, seed=5)

    resumed = model_of(GAN, seed=77, **SMALL)
    resumed_average = AveragedWeights(resumed.sampling_modules(), 0.9)
    saved = checkpoint.read(file, MINE, CPU)
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
    assert checkpoint.read(file, MINE, CPU) is None
    assert list(files(file)) == []


def test_the_last_two_are_kept_and_the_last_is_read(file: Path) -> None:
    for step in (10, 20, 30):
        checkpoint.write(file, MINE, {"step": step})
    assert step_of(file) == 30
    assert step_of(previous(file)) == 20
    assert list(files(file)) == [file, previous(file)]
    assert len(list(file.parent.iterdir())) == 2
    checkpoint.remove(file)
    assert list(file.parent.iterdir()) == []


def test_a_checkpoint_of_another_run_is_refused(file: Path) -> None:
    checkpoint.write(file, MINE, {"step": 1})
    with pytest.raises(InvalidInput, match="belongs to another run") as caught:
        checkpoint.read(file, Identity("b", "code"), CPU)
    assert caught.value.hint == START_AGAIN


def test_a_checkpoint_of_other_code_is_of_no_use(file: Path) -> None:
    checkpoint.write(file, MINE, {"step": 1})
    checkpoint.write(file, Identity("a", "later code"), {"step": 2})
    assert step_of(file, Identity("a", "later code")) == 2
    assert step_of(file, MINE) == 1  # the one before
    assert step_of(file, Identity("a", "still later")) is None


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "garbage": lambda _: b"garbage",
    "broken archive": lambda _: b"PK\x03\x04 no archive",
    "cut in the middle": lambda whole: whole[:1500],
    "one byte short": lambda whole: whole[:-1],
    "one byte long": lambda whole: whole + b"\0",
    "one bit flipped": lambda whole: whole[:2000] + bytes([whole[2000] ^ 4]) + whole[2001:],
    "other digest": lambda whole: whole.replace(HEADER, HEADER + b"0", 1),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_passed_over_for_the_one_before(name: str, file: Path) -> None:
    for step in (10, 20):
        checkpoint.write(file, MINE, {"step": step, "weights": torch.zeros(1000)})
    file.write_bytes(DAMAGES[name](file.read_bytes()))
    assert step_of(file) == 10
    previous(file).write_bytes(DAMAGES[name](previous(file).read_bytes()))
    assert step_of(file) is None


class Code:
    """Unpickling it would call ``print``."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("code ran",)


def test_no_code_runs_while_reading(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    payload = io.BytesIO()
    torch.save({**vars(MINE), "step": 1, "code": Code()}, payload)
    data = payload.getvalue()
    file.write_bytes(HEADER + hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
    with pytest.raises(InvalidInput, match="more than data") as caught:
        checkpoint.read(file, MINE, CPU)
    assert "code ran" not in capsys.readouterr().out
    assert caught.value.hint == START_AGAIN


def test_a_failed_write_leaves_the_old_files(file: Path) -> None:
    for step in (10, 20):
        checkpoint.write(file, MINE, {"step": step})
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        checkpoint.write(file, MINE, {"step": 30, "cannot be pickled": lambda: None})
    assert (step_of(file), step_of(previous(file))) == (20, 10)
    assert len(list(file.parent.iterdir())) == 2


def test_a_checkpoint_of_before_has_no_label_and_is_gone_on_from(file: Path) -> None:
    payload = io.BytesIO()
    torch.save({"train_hash": "a", "code": "code", "step": 7}, payload)
    data = payload.getvalue()
    file.write_bytes(HEADER + hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
    assert step_of(file) == 7
    found = stored(file)
    assert found is not None
    assert (found.identity, found.step) == (None, None)
    checkpoint.write(file, MINE, {"step": 8})
    found = stored(file)
    assert found is not None
    assert (found.identity, found.step) == (MINE, 8)
    assert step_of(previous(file)) == 7
