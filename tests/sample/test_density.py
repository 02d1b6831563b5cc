"""The ex-post mixture: what it is fitted to and what it draws."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from bench.models.noise import ImageNoise
from bench.models.vae import VAE
from bench.sample.latent_density import N_COMPONENTS, SAMPLER, LatentMixture, fit_mixture

Images = Callable[..., Tensor]


class Identity:
    """A model whose latents are the first two pixels of an image."""

    def encode(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, :2]

    def decode(self, latents: Tensor) -> Tensor:
        return latents[:, None, None]


@pytest.fixture
def mixture() -> LatentMixture:
    return LatentMixture(
        torch.tensor([0.25, 0.75], dtype=torch.float64),
        torch.tensor([[-4.0, 0.0], [4.0, 1.0]], dtype=torch.float64),
        torch.tensor([[[0.5, 0.0], [0.3, 0.2]], [[1.0, 0.0], [0.0, 0.1]]], dtype=torch.float64),
    )


def test_draws_have_the_moments_of_the_mixture(mixture: LatentMixture) -> None:
    draws = mixture.latents(ImageNoise(0, range(8000)))
    assert draws.dtype == torch.float32
    first = draws[:, 0] < 0.0
    assert first.float().mean().item() == pytest.approx(0.25, abs=0.02)
    for index, chosen in enumerate((first, ~first)):
        of_component = draws[chosen].double()
        expected = mixture.factors[index] @ mixture.factors[index].T
        torch.testing.assert_close(of_component.mean(0), mixture.means[index], rtol=0, atol=0.06)
        torch.testing.assert_close(torch.cov(of_component.T), expected, rtol=0.08, atol=0.02)


def test_a_draw_depends_on_its_own_stream(mixture: LatentMixture) -> None:
    whole = mixture.latents(ImageNoise(0, range(50)))
    torch.testing.assert_close(mixture.latents(ImageNoise(0, [17]))[0], whole[17])
    assert not torch.allclose(mixture.latents(ImageNoise(1, [17]))[0], whole[17])


def test_weights_that_sum_below_one_still_choose_a_component() -> None:
    third = torch.full((3,), 1.0 / 3.0 - 1e-9, dtype=torch.float64)
    mixture = LatentMixture(third, torch.zeros(3, 1).double(), torch.ones(3, 1, 1).double())
    assert torch.isfinite(mixture.latents(ImageNoise(0, range(1000)))).all()


def test_the_fit_finds_separate_clusters() -> None:
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[i // 5, i % 5] for i in range(N_COMPONENTS)]).float()
    points = centres.repeat(60, 1) + 0.05 * torch.randn(600, 2, generator=generator)
    images = torch.cat([points, torch.zeros(600, 2)], 1).view(600, 1, 2, 2)
    fitted = fit_mixture(Identity(), images)
    nearest = torch.cdist(centres.double(), fitted.means).min(1)
    assert nearest.values.max() < 0.05
    assert sorted(nearest.indices.tolist()) == list(range(N_COMPONENTS))
    torch.testing.assert_close(fitted.weights, torch.full((10,), 0.1).double(), rtol=0, atol=1e-6)
    spread = torch.linalg.matrix_norm(fitted.factors, 2)
    assert 0.03 < spread.min() <= spread.max() < 0.08


def test_equal_latents_give_equal_mixtures(images_of: Images) -> None:
    images = images_of(60)
    torch.manual_seed(1)
    first = fit_mixture(Identity(), images).tensors()
    torch.manual_seed(2)
    second = fit_mixture(Identity(), images).tensors()
    assert set(first) == {"weights", "means", "factors"}
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_shapes_of_a_fit_to_a_model(images_of: Images, model_of: Callable[..., VAE]) -> None:
    model = model_of(VAE, width=4, latent_dim=3).eval()
    fitted = fit_mixture(model, images_of(60))
    assert fitted.weights.shape == (10,)
    assert fitted.means.shape == (10, 3)
    assert fitted.factors.shape == (10, 3, 3)
    assert fitted.weights.sum().item() == pytest.approx(1.0)
    assert SAMPLER == "gmm-10"
