"""Conditional VAE: where the class enters, what it changes, and the VAE that it is without one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import bench.models.cvae
from bench.models.autoencoder import mean_image
from bench.models.base import Batch, LatentModel, StepContext
from bench.models.cvae import CVAE
from bench.models.noise import ImageNoise
from bench.models.vae import VAE
from bench.objectives.densities import kl_between_normals
from bench.objectives.elbo import kl_to_standard_normal

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]

SMALL = {"width": 4, "latent_dim": 5, "likelihood": "bernoulli"}


def deaf_to_labels(cvae: CVAE, vae: VAE) -> None:
    """Give it the weights of a VAE, and none to the class."""
    with torch.no_grad():
        theirs = vae.state_dict()
        for name, tensor in cvae.state_dict().items():
            if name in theirs and tensor.shape == theirs[name].shape:
                tensor.copy_(theirs[name])
        for wide, narrow in shared_first_layers(cvae, vae):
            wide.zero_()
            wide[:, : narrow.shape[1]] = narrow


def shared_first_layers(cvae: CVAE, vae: VAE) -> list[tuple[Tensor, Tensor]]:
    return [
        (cvae.encoder.layers[0].weight, vae.encoder.layers[0].weight),
        (cvae.decoder.layers[0].weight, vae.decoder.layers[0].weight),
    ]


@pytest.mark.parametrize("prior", ["standard", "learned"])
def test_without_weights_on_the_class_its_first_update_is_the_vaes(
    prior: str, model_of: ModelOf, one_step: OneStep
) -> None:
    vae, cvae = model_of(VAE, **SMALL), model_of(CVAE, prior=prior, **SMALL)
    deaf_to_labels(cvae, vae)
    expected, losses = one_step(vae), one_step(cvae)
    for name, loss in expected.items():
        torch.testing.assert_close(losses[name], loss, rtol=1e-5, atol=1e-5)
    for wide, narrow in shared_first_layers(cvae, vae):
        torch.testing.assert_close(wide[:, : narrow.shape[1]], narrow, rtol=0, atol=1e-4)
        assert wide[:, narrow.shape[1] :].abs().max() > 1e-4  # it begins to listen
    last = ("encoder.layers.4.weight", "decoder.layers.4.weight")
    for name in last:
        if name in vae.state_dict():
            mine, theirs = cvae.state_dict()[name], vae.state_dict()[name]
            torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-4)


@pytest.mark.parametrize("beta", [0.5, 1.0])
def test_the_bound_is_reconstruction_plus_beta_kl(
    beta: float, model_of: ModelOf, one_step: OneStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    descended: list[Tensor] = []
    monkeypatch.setattr(bench.models.cvae, "descend", lambda loss, _: descended.append(loss))
    losses = one_step(model_of(CVAE, beta=beta, **SMALL))
    expected = losses["reconstruction"] + beta * losses["kl"]
    torch.testing.assert_close(descended[0].detach(), expected)
    assert losses["kl"].item() > 0.0


def test_beta_is_the_variance_of_a_unit_gaussian_decoder(
    model_of: ModelOf, images_of: Images
) -> None:
    variance, settings = 0.02, SMALL | {"likelihood": "unit-gaussian"}
    model = model_of(CVAE, beta=variance, **settings).eval()
    labels, pixels = torch.arange(4), 0.5 * (images_of(4) + 1.0)
    logits = [
        model.decoder_logits(torch.full((4, 5), value), labels).detach() for value in (0.0, 1.0)
    ]
    scaled = [model.negative_log_likelihood(each, pixels) / variance for each in logits]
    exact = [
        -torch.distributions.Normal(torch.sigmoid(each), variance**0.5).log_prob(pixels)
        for each in logits
    ]
    means = [each.flatten(1).sum(1).mean() for each in exact]
    # (unit loss + beta KL) / beta is the bound of that decoder up to a constant
    torch.testing.assert_close(scaled[1] - scaled[0], means[1] - means[0], rtol=1e-3, atol=1e-3)
    assert (means[1] - means[0]).abs() > 0.1


def test_the_kl_between_normals() -> None:
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(4, 3, generator=generator) for _ in range(4)]
    first = torch.distributions.Normal(tensors[0], (0.5 * tensors[1]).exp())
    second = torch.distributions.Normal(tensors[2], (0.5 * tensors[3]).exp())
    expected = torch.distributions.kl_divergence(first, second).sum(1)
    torch.testing.assert_close(kl_between_normals(*tensors), expected)
    zeros = torch.zeros(4, 3)
    standard = kl_between_normals(tensors[0], tensors[1], zeros, zeros).mean()
    torch.testing.assert_close(standard, kl_to_standard_normal(tensors[0], tensors[1]))


def test_encoder_and_decoder_are_told_the_class(model_of: ModelOf, images_of: Images) -> None:
    model = model_of(CVAE, **SMALL).eval()
    images, latents = images_of(4), torch.zeros(4, 5)
    zeros, ones = torch.zeros(4, dtype=torch.int64), torch.ones(4, dtype=torch.int64)
    with torch.no_grad():
        assert not torch.allclose(
            model.posterior(images, zeros)[0], model.posterior(images, ones)[0]
        )
        assert not torch.allclose(
            model.decoder_logits(latents, zeros), model.decoder_logits(latents, ones)
        )


def test_the_class_changes_the_image_and_the_noise_does_not_choose_it(model_of: ModelOf) -> None:
    model = model_of(CVAE, **SMALL).eval()
    with torch.no_grad():
        first = model.sample(ImageNoise(0, range(4)), torch.tensor([3, 3, 7, 7]))
        second = model.sample(ImageNoise(0, range(4)), torch.tensor([3, 4, 7, 8]))
    changed = (first - second).abs().amax((1, 2, 3))
    assert torch.equal(changed > 1e-3, torch.tensor([False, True, False, True]))


def test_it_asks_for_labels(model_of: ModelOf) -> None:
    model = model_of(CVAE, **SMALL).eval()
    assert model.conditional
    assert not isinstance(model, LatentModel)  # there is no encoding without a class
    with pytest.raises(ValueError, match="labels"):
        model.sample(ImageNoise(0, range(2)))


def test_a_standard_prior_is_the_same_for_every_class(model_of: ModelOf) -> None:
    model = model_of(CVAE, prior="standard", **SMALL).eval()
    labels, noise = torch.arange(3), ImageNoise(5, range(3)).normal(5)
    expected = mean_image(model.decoder_logits(noise, labels))
    torch.testing.assert_close(model.sample(ImageNoise(5, range(3)), labels), expected)
    assert "prior" not in model.sampling_modules()


def test_a_learned_prior_is_sampled(model_of: ModelOf, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(CVAE, prior="learned", **SMALL).eval()
    mean, log_variance = torch.full((3, 5), 7.0), torch.full((3, 5), math.log(4.0))
    monkeypatch.setattr(model, "prior", lambda _: (mean, log_variance))
    monkeypatch.setattr(model, "decoder_logits", lambda latents, _: latents)
    drawn = model.sample(ImageNoise(5, range(3)), torch.arange(3))
    expected = mean_image(7.0 + 2.0 * ImageNoise(5, range(3)).normal(5))
    torch.testing.assert_close(drawn, expected)


def test_it_learns_one_image_per_class(model_of: ModelOf) -> None:
    images = torch.full((4, 1, 8, 8), -0.9)
    for index in range(4):
        row, column = divmod(index, 2)
        images[index, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = 0.9
    labels = torch.arange(64) % 4
    model = model_of(CVAE, **(SMALL | {"width": 8}), optimizer={"lr": 3e-3}).train()
    torch.manual_seed(0)
    for step in range(200):
        losses = model.step(Batch(images[labels], labels), StepContext(step, 200, 64))
    assert losses["kl"].item() < 0.5  # the class says it all
    with torch.no_grad():
        drawn = model.eval().sample(ImageNoise(0, range(64)), labels)
    assert (drawn - images[labels]).square().mean() < 0.02
