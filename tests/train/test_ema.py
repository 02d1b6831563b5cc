"""Averaged weights: the recurrence, its warm-up, and putting them in place of the live ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bench.train.ema import AveragedWeights


def set_weight(layer: nn.Linear, value: float) -> None:
    with torch.no_grad():
        layer.weight.fill_(value)


def of_weight(average: AveragedWeights) -> float:
    return average.average["net.weight"].mean().item()


@pytest.fixture
def layer() -> nn.Linear:
    layer = nn.Linear(2, 2)
    set_weight(layer, 1.0)
    return layer


def test_the_average_follows_its_recurrence(layer: nn.Linear) -> None:
    average = AveragedWeights({"net": layer}, 0.5)
    expected = 1.0
    for n_updates in range(12):
        set_weight(layer, value := float(n_updates**2))
        average.update()
        decay = min(0.5, (1 + n_updates) / (10 + n_updates))
        expected = decay * expected + (1.0 - decay) * value
        assert of_weight(average) == pytest.approx(expected, rel=1e-6)
    assert average.n_updates == 12


def test_the_first_weights_are_forgotten_quickly(layer: nn.Linear) -> None:
    average = AveragedWeights({"net": layer}, 0.999)
    set_weight(layer, 0.0)
    for _ in range(100):
        average.update()
    # product of (1 + t) / (10 + t) for t < 100, where a constant .999 would keep .905
    assert 0.0 < of_weight(average) < 1e-6


def test_zero_decay_is_a_copy(layer: nn.Linear) -> None:
    average = AveragedWeights({"net": layer}, 0.0)
    set_weight(layer, 5.0)
    average.update()
    assert of_weight(average) == 5.0


def test_the_average_is_not_the_live_tensor(layer: nn.Linear) -> None:
    average = AveragedWeights({"net": layer}, 0.9)
    set_weight(layer, 9.0)
    assert of_weight(average) == 1.0


def test_running_statistics_are_averaged_and_counters_are_not() -> None:
    average = AveragedWeights({"norm": nn.BatchNorm1d(3)}, 0.9)
    assert set(average.average) == {
        "norm.weight",
        "norm.bias",
        "norm.running_mean",
        "norm.running_var",
    }


def test_applied_puts_live_weights_back(layer: nn.Linear) -> None:
    average = AveragedWeights({"net": layer}, 0.9)
    set_weight(layer, 9.0)
    parameter = layer.weight
    with average.applied():
        assert layer.weight.mean().item() == 1.0
    assert layer.weight is parameter
    assert layer.weight.mean().item() == 9.0
    assert of_weight(average) == 1.0
    assert layer.weight.requires_grad


def test_applied_puts_live_weights_back_after_an_error(layer: nn.Linear) -> None:
    average = AveragedWeights({"net": layer}, 0.9)
    set_weight(layer, 9.0)
    with pytest.raises(RuntimeError, match="boom"), average.applied():
        raise RuntimeError("boom")
    assert layer.weight.mean().item() == 9.0


def test_what_happens_inside_applied_does_not_touch_the_average(layer: nn.Linear) -> None:
    average = AveragedWeights({"net": layer}, 0.9)
    with average.applied():
        set_weight(layer, 7.0)
    assert of_weight(average) == 1.0
    assert layer.weight.mean().item() == 1.0


def test_state_goes_on_where_it_was_saved(layer: nn.Linear) -> None:
    straight = AveragedWeights({"net": layer}, 0.99)
    for value in (2.0, 3.0, 4.0):
        set_weight(layer, value)
        straight.update()
    saved = {
        key: value.clone() if isinstance(value, Tensor) else value
        for key, value in straight.state_dict().items()
    }
    resumed = AveragedWeights({"net": layer}, 0.99)
    resumed.load_state_dict(saved)
    set_weight(layer, 8.0)
    for average in (straight, resumed):
        average.update()
    assert resumed.n_updates == straight.n_updates == 4
    for key, tensor in straight.average.items():
        assert torch.equal(resumed.average[key], tensor)
