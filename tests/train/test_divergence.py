"""Where a training ends as lost."""

from __future__ import annotations

import math

import pytest
import torch

from bench.train.divergence import LOSS_GROWTH, WEIGHT_GROWTH, Diverged, DivergenceGuard


def guard(*values: float) -> tuple[DivergenceGuard, list[torch.nn.Parameter]]:
    parameters = [torch.nn.Parameter(torch.full((3, 2), value)) for value in values]
    return DivergenceGuard(parameters), parameters


def test_an_ordinary_step_passes() -> None:
    watch, _ = guard(0.1, -0.2)
    watch.check(5, {"loss": 3.0, "penalty": -1e4}, {"loss": 2.0, "penalty": 0.1})


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_ends_the_training(bad: float) -> None:
    watch, _ = guard(0.1)
    with pytest.raises(Diverged, match="critic is not finite after step 7") as caught:
        watch.check(7, {"critic": bad, "generator": 2.0}, {})
    assert caught.value.step == 7
    assert caught.value.losses == {"generator": 2.0}
    assert "learning rate" in caught.value.hint


@pytest.mark.parametrize(
    ("first", "limit"), [({}, LOSS_GROWTH), ({"loss": 0.01}, LOSS_GROWTH), ({"loss": -50.0}, 5e7)]
)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_loss_explodes_relative_to_its_first_size(
    first: dict[str, float], limit: float, sign: float
) -> None:
    watch, _ = guard(0.1)
    watch.check(9, {"loss": sign * 0.99 * limit}, first)
    with pytest.raises(Diverged, match="loss has exploded to"):
        watch.check(9, {"loss": sign * 1.01 * limit}, first)


@pytest.mark.parametrize(("initial", "limit"), [(0.5, 0.5 * WEIGHT_GROWTH), (0.0, 10.0)])
def test_weights_explode_relative_to_their_first_size(initial: float, limit: float) -> None:
    watch, (one, two) = guard(initial, initial)
    with torch.no_grad():
        one.fill_(0.99 * limit)
        two.fill_(0.99 * limit)
        watch.check(3, {"loss": 1.0}, {})
        two.fill_(1.2 * limit)
    with pytest.raises(Diverged, match=r"the weights have grown .*-fold after step 3"):
        watch.check(3, {"loss": 1.0}, {})


def test_weights_that_are_no_numbers_end_the_training() -> None:
    watch, (one,) = guard(0.1)
    with torch.no_grad():
        one[0, 0] = math.nan
    with pytest.raises(Diverged, match="nan-fold"):
        watch.check(3, {"loss": 1.0}, {})
