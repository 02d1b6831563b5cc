"""Drawing from any variant while it trains leaves the training as it was, bit for bit."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.data import ImageSplit
from bench.models.base import FitsAfterTraining, GenerativeModel
from bench.sample.previews import TooSlow, drawn
from bench.train import checkpoint
from bench.train.gpu.graphs import moved, plain_state
from bench.train.loop import Trainer

ModelOf = Callable[..., GenerativeModel]
SplitOf = Callable[..., ImageSplit]
N_STEPS = 6


def leaves(value: Any) -> list[Any]:
    """Everything in nested containers, in order."""
    if isinstance(value, dict):
        return [leaf for key in value for leaf in (key, *leaves(value[key]))]
    if isinstance(value, list | tuple):
        return [leaf for inner in value for leaf in leaves(inner)]
    return [value]


def same(first: Any, second: Any) -> bool:
    return all(
        torch.equal(a, b) if isinstance(a, Tensor) else a == b
        for a, b in zip(leaves(first), leaves(second), strict=True)
    )


def everything(trainer: Trainer) -> dict[str, Any]:
    """What a checkpoint holds and what it does not."""
    return {
        "saved": checkpoint.capture(trainer.model, trainer.average),
        "modes": [module.training for module in trainer.model.modules()],
        "python": random.getstate(),
        "numpy": np.random.get_state()[1].tolist(),  # noqa: NPY002 (what careless code uses)
        "torch": torch.get_rng_state(),
    }


def trained(model: GenerativeModel, split: ImageSplit, *, drawing: bool) -> Trainer:
    """A training in whose midst a grid is drawn after every update, or none is."""
    trainer = Trainer(model, split, n_steps=N_STEPS, seed=3)

    def draw(*_: object) -> None:
        images = drawn(trainer, time.monotonic() + 600.0)
        assert images is not None
        reconstructs = isinstance(model, FitsAfterTraining)  # of the split, which has 40
        n = 40 if reconstructs else 60
        assert (images.dtype, tuple(images.shape)) == (torch.uint8, (n, 1, 8, 8))

    trainer.run(draw if drawing else lambda _: None)
    return trainer


def test_drawing_changes_no_bit_of_a_training(
    variant: str, small_model: ModelOf, split: ImageSplit
) -> None:
    looked_at = trained(small_model(variant), split, drawing=True)
    alone = trained(small_model(variant), split, drawing=False)
    assert same(everything(looked_at), everything(alone))
    assert looked_at.state.curve == alone.state.curve


def test_drawing_leaves_a_model_as_it_was_even_if_it_is_broken_off(
    variant: str, small_model: ModelOf, split: ImageSplit
) -> None:
    trainer = Trainer(small_model(variant), split, n_steps=N_STEPS, seed=3)
    trainer.model.train()
    trainer.update()
    before, attributes = everything(trainer), plain_state(trainer.model)
    assert drawn(trainer, time.monotonic() + 600.0) is not None
    assert same(everything(trainer), before)
    with pytest.raises(TooSlow):
        drawn(trainer, time.monotonic() - 1.0)
    assert same(everything(trainer), before)
    assert not moved(attributes, plain_state(trainer.model))
