"""DDPM and flow matching: their targets, and their samplers where the optimum is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.models.base import Batch, GenerativeModel, StepContext
from bench.models.ddpm import DDPM
from bench.models.denoising import DenoisingModel
from bench.models.flow_matching import FlowMatching, transported
from bench.models.noise import ImageNoise
from bench.networks.shape import ImageShape
from bench.networks.unet import UNet, embedded_time

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]

MEAN, DEVIATION = 0.3, 0.1
N_DRAWN = 300
"""Images of 64 values: moments are known to about half a percent."""


class Formula(nn.Module):
    """A network that is a formula of the noisy images and the time."""

    def __init__(self, formula: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.formula = formula

    def forward(self, images: Tensor, time: Tensor) -> Tensor:
        return self.formula(images, time.view(-1, 1, 1, 1))


def moments(model: GenerativeModel) -> tuple[float, float]:
    with torch.no_grad():
        drawn = model.eval().sample(ImageNoise(0, range(N_DRAWN)))
    return drawn.mean().item(), drawn.std().item()


def best_noise(model: DDPM) -> Formula:
    """E[e | x_t] for data N(MEAN, DEVIATION^2): what training on it converges to."""

    def formula(images: Tensor, time: Tensor) -> Tensor:
        kept = model.alpha_bars[time.round().long() - 1]
        variance = kept * DEVIATION**2 + 1 - kept
        return (1 - kept).sqrt() * (images - kept.sqrt() * MEAN) / variance

    return Formula(formula)


def deviation_by_recursion(alpha_bars: list[float]) -> float:
    """What the chain does to the variance of Gaussian data if its denoiser is the best possible.

    Every step is linear in x_t: a Kalman gain for x_0, then Bayes' rule for x_{t-1} with x_0 known.
    """
    variance = 1.0
    for kept, before in zip(reversed(alpha_bars), reversed([1.0, *alpha_bars[:-1]]), strict=True):
        gain = math.sqrt(kept) * DEVIATION**2 / (kept * DEVIATION**2 + 1 - kept)
        if before == 1.0:
            return math.sqrt(variance) * gain
        alpha = kept / before
        added = 1 / (1 / (1 - before) + alpha / (1 - alpha))
        slope = added * (math.sqrt(alpha) / (1 - alpha) + math.sqrt(before) / (1 - before) * gain)
        variance = slope**2 * variance + added
    raise AssertionError


@pytest.mark.parametrize("n_steps", [10, 60, 300])
def test_ancestral_sampling_of_gaussian_data(n_steps: int, model_of: ModelOf) -> None:
    model = model_of(DDPM, width=8, sampling_steps=n_steps)
    model.network = best_noise(model)
    mean, deviation = moments(model)
    expected = deviation_by_recursion(model.alpha_bars[model.kept - 1].double().tolist())
    assert mean == pytest.approx(MEAN, abs=0.005)
    assert deviation == pytest.approx(expected, rel=0.02)


def test_long_chains_draw_the_data(model_of: ModelOf) -> None:
    spec = {"width": 8, "n_levels": 1000}
    errors = []
    for n_steps in (50, 1000):
        model = model_of(DDPM, sampling_steps=n_steps, **spec)
        kept = model.alpha_bars[model.kept - 1].double().tolist()
        errors.append(DEVIATION - deviation_by_recursion(kept))
    assert 0 < errors[1] < 0.1 * DEVIATION
    assert errors[0] > 2 * errors[1]


def test_a_denoiser_that_knows_the_image_draws_it(model_of: ModelOf, images_of: Images) -> None:
    wanted = images_of(1)
    model = model_of(DDPM, width=8, sampling_steps=10)

    def formula(images: Tensor, time: Tensor) -> Tensor:
        kept = model.alpha_bars[time.round().long() - 1]
        return (images - kept.sqrt() * wanted) / (1 - kept).sqrt()

    model.network = Formula(formula)
    with torch.no_grad():
        drawn = model.eval().sample(ImageNoise(0, range(3)))
    torch.testing.assert_close(drawn, wanted.expand(3, -1, -1, -1), atol=2e-3, rtol=0)
    assert model.loss(wanted.expand(64, -1, -1, -1)).item() < 1e-6


def test_every_step_but_the_last_draws_noise_of_its_own(model_of: ModelOf) -> None:
    model = model_of(DDPM, width=8, sampling_steps=7)
    model.network = best_noise(model)
    used, whole = ImageNoise(0, range(2)), ImageNoise(0, range(2))
    with torch.no_grad():
        model.sample(used)
    for _ in range(7):
        whole.normal(64)
    assert torch.equal(used.normal(3), whole.normal(3))


def bound_by_formula(alpha_bars: Tensor) -> float:
    """The bound of the best denoiser of N(MEAN, DEVIATION^2) in bits per value, level by level.

    Given x_t, what is left of the data's variance is ``left``; the predicted image is off by it.
    """
    kept = alpha_bars.double()
    before = torch.cat([torch.ones(1, dtype=torch.float64), kept[:-1]])
    left = DEVIATION**2 * (1 - kept) / (kept * DEVIATION**2 + 1 - kept)
    added = 1 / (1 / (1 - before[1:]) + kept[1:] / before[1:] / (1 - kept[1:] / before[1:]))
    of_start = added * before[1:].sqrt() / (1 - before[1:])
    nats = (of_start.square() * left[1:] / added / 2).sum()
    nats += (math.log(2 * math.pi) + (1 - kept[0]).log() + left[0] / (1 - kept[0])) / 2
    nats -= math.log(2 / 255)
    second = kept[-1] * (MEAN**2 + DEVIATION**2) + 1 - kept[-1]
    return float(nats + (second - 1 - (1 - kept[-1]).log()) / 2) / math.log(2)


@pytest.mark.parametrize("n_images", [64, 100])
@pytest.mark.parametrize("sampling_steps", [25, 1000])
def test_bound_of_gaussian_data_is_that_of_all_levels(
    n_images: int, sampling_steps: int, model_of: ModelOf
) -> None:
    """The best denoiser of Gaussian data has a bound in closed form, whatever samples take.

    It lies above the entropy, since the fixed variance is too small at the levels of least noise.
    A hundred images are measured in halves: every other level on each.
    """
    model = model_of(DDPM, width=8, sampling_steps=sampling_steps)
    model.network = best_noise(model)
    generator = torch.Generator().manual_seed(0)
    images = MEAN + DEVIATION * torch.randn(n_images, 1, 8, 8, generator=generator)
    images = ((images + 1) * 127.5).round() / 127.5 - 1
    entropy = 0.5 * math.log2(2 * math.pi * math.e * DEVIATION**2) - math.log2(2 / 255)
    expected = bound_by_formula(model.alpha_bars)
    with torch.no_grad():
        bound = model.measure(images, torch.zeros(n_images))["bits_per_dim"]
        model.network = Formula(lambda images, _: torch.zeros_like(images))
        worse = model.measure(images, torch.zeros(n_images))["bits_per_dim"]
    assert entropy < expected < entropy + 0.8
    assert bound == pytest.approx(expected, abs=0.06)
    assert worse > bound + 1


def test_the_bound_looks_at_every_level_and_image(model_of: ModelOf, images_of: Images) -> None:
    model = model_of(DDPM, width=8, n_levels=40, sampling_steps=4)
    seen: list[tuple[int, int]] = []

    def spy(images: Tensor, time: Tensor) -> Tensor:
        seen.append((round(time.item() * 40 / 1000), len(images)))
        return torch.zeros_like(images)

    model.network = Formula(spy)
    with torch.no_grad():
        model.measure(images_of(130), torch.zeros(130))
    assert sorted(level for level, _ in seen) == list(range(1, 41))
    assert {n for _, n in seen} == {43, 44}


@pytest.mark.parametrize("solver", ["euler", "midpoint"])
@pytest.mark.parametrize("n_steps", [1, 7])
def test_a_constant_field_is_solved_exactly(solver: Any, n_steps: int) -> None:
    points, velocity = torch.randn(2, 5, 3, dtype=torch.float64)
    moved = transported(lambda _, __: velocity, points, n_steps, solver)
    torch.testing.assert_close(moved, points + velocity)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("midpoint", 2)])
def test_the_solvers_converge_with_their_order(solver: Any, order: int) -> None:
    """dx/dt = x from 1: the error shrinks by 2 to the order when the steps are halved."""
    start = torch.ones(1, dtype=torch.float64)
    errors = [abs(transported(lambda x, _: x, start, n, solver).item() - math.e) for n in (64, 128)]
    assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.05)


def test_flow_from_normal_to_gaussian_data(model_of: ModelOf) -> None:
    """The velocity that carries N(0, 1) to N(MEAN, DEVIATION^2) is known, and so is the end."""
    model = model_of(FlowMatching, width=8, sampling_steps=100, sigma_min=0.0)

    def formula(images: Tensor, time: Tensor) -> Tensor:
        t = time / 1000
        variance = (1 - t) ** 2 + (t * DEVIATION) ** 2
        slope = (t * DEVIATION**2 - (1 - t)) / variance
        return MEAN + slope * (images - t * MEAN)

    model.network = Formula(formula)
    mean, deviation = moments(model)
    assert mean == pytest.approx(MEAN, abs=0.003)
    assert deviation == pytest.approx(DEVIATION, rel=0.03)


def test_the_velocity_of_pairs_is_what_is_regressed(model_of: ModelOf, images_of: Images) -> None:
    """With a network that returns zero, the loss is the mean square of x_1 - (1 - s) x_0."""
    model, images = model_of(FlowMatching, width=8, sigma_min=0.5), images_of(16)
    model.network = Formula(lambda images, _: torch.zeros_like(images))
    torch.manual_seed(3)
    loss = model.loss(images)
    torch.manual_seed(3)
    torch.rand(16)
    noise = torch.randn(images.shape)
    torch.testing.assert_close(loss, (images - 0.5 * noise).square().mean())


@pytest.mark.parametrize("algorithm", [DDPM, FlowMatching])
def test_an_image_is_a_function_of_its_stream(
    algorithm: type[DenoisingModel], model_of: ModelOf, one_step: OneStep
) -> None:
    model = model_of(algorithm, width=8, sampling_steps=4)
    one_step(model)
    with torch.no_grad():
        together = model.eval().sample(ImageNoise(5, [4, 9, 2]))
        alone = model.sample(ImageNoise(5, [9]))
    torch.testing.assert_close(alone[0], together[1], atol=1e-5, rtol=0)


def test_both_rows_start_from_one_network(model_of: ModelOf) -> None:
    first, second = (model_of(kind, width=8).network for kind in (DDPM, FlowMatching))
    state = second.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in first.state_dict().items())


@pytest.mark.parametrize(("step", "share"), [(0, 0.1), (4, 0.5), (9, 1.0), (50, 1.0)])
def test_the_rate_warms_up(step: int, share: float, model_of: ModelOf, images_of: Images) -> None:
    model = model_of(FlowMatching, width=8, warmup_steps=10, optimizer={"lr": 2e-3})
    model.step(Batch(images_of(4), torch.zeros(4)), StepContext(step, 100, 40))
    (group,) = model.optimizers()["network"].param_groups
    assert group["lr"] == pytest.approx(2e-3 * share)


@pytest.mark.parametrize("size", [5, 8, 16, 28, 32])
def test_the_network_depends_on_time_and_on_every_pixel(size: int) -> None:
    torch.manual_seed(0)
    network = UNet(ImageShape(1, size), 8)
    for parameter in network.parameters():
        nn.init.normal_(parameter, 0.0, 0.2)
    images = torch.randn(2, 1, size, size, requires_grad=True)
    out = network(images, torch.tensor([10.0, 10.0]))
    assert out.shape == images.shape
    torch.testing.assert_close(network(images, torch.tensor([10.0])), out)
    assert (network(images, torch.tensor([900.0])) - out).abs().max() > 1e-3
    (gradient,) = torch.autograd.grad(out[0].sum(), images)
    assert (gradient[0] != 0).all()
    assert (gradient[1] == 0).all()


def test_times_are_told_apart_by_their_features() -> None:
    features = embedded_time(torch.tensor([0.0, 1.0, 500.0, 1000.0]), 16)
    assert features.shape == (4, 16)
    torch.testing.assert_close(features[0], torch.tensor([0.0] * 8 + [1.0] * 8))
    torch.testing.assert_close(features.square().sum(1), torch.full((4,), 8.0))
    assert torch.pdist(features).min() > 0.5
