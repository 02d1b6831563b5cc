"""The discrete VAE of DALL-E: a grid of codes that are relaxed in training and one-hot after it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from bench.models.autoencoder import unit_pixels
from bench.models.noise import ImageNoise
from bench.networks.discrete_vae import DiscreteDecoder, DiscreteEncoder
from bench.networks.quantised import grid_size
from bench.networks.shape import ImageShape
from bench.objectives.categorical import kl_to_uniform, relaxed_sample
from bench.objectives.logit_laplace import (
    most_likely_pixels,
    negative_log_likelihood,
    to_support,
)


class DiscreteVAE(nn.Module):
    """Encoder, decoder, and the bound that trains both (2102.12092, section 2.1 and appendix A).

    Args:
        width: channels of the group next to the pixels.
        n_codes: size of the codebook (K).
        largest_grid: images are halved until the grid of codes is at most this wide.
        smallest_scale: of the pixels' density, see ``bench.objectives.logit_laplace``.
    """

    def __init__(
        self,
        shape: ImageShape,
        width: int,
        n_codes: int,
        largest_grid: int,
        smallest_scale: float = 0.0,
    ) -> None:
        super().__init__()
        self.smallest_scale = smallest_scale
        self.shape = shape
        self.n_codes = n_codes
        self.grid = grid_size(shape, largest_grid)
        self.encoder = DiscreteEncoder(shape, width, n_codes, largest_grid)
        self.decoder = DiscreteDecoder(shape, width, n_codes, largest_grid)

    def logits(self, images: Tensor) -> Tensor:
        """Unnormalised log q(z|x) of images in -1 .. 1, (N, h w, K) in raster order."""
        grid: Tensor = self.encoder(to_support(unit_pixels(images)))
        return grid.flatten(2).transpose(1, 2)

    def losses(self, images: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
        """Both terms of the negative bound with one relaxed draw, in nats per image.

        The draw is not straight-through. The KL term is that of the categorical codes themselves,
        at every temperature.
        """
        logits = self.logits(images)
        uniforms = torch.rand(logits.shape, device=logits.device)
        outputs = self.decoder(self._as_grid(relaxed_sample(logits, temperature, uniforms)))
        loss = negative_log_likelihood(
            outputs, unit_pixels(images), smallest_scale=self.smallest_scale
        )
        return loss, kl_to_uniform(logits)

    def codes(self, images: Tensor) -> Tensor:
        """The most probable codes of images, (N, h w)."""
        return self.logits(images).argmax(2)

    def drawn_codes(self, images: Tensor, noise: ImageNoise | None = None) -> Tensor:
        """One draw from q(z|x), (N, h w), by the images' streams or by torch's generator."""
        logits = self.logits(images)
        if noise is None:
            uniforms = torch.rand(logits.shape, device=logits.device)
        else:
            uniforms = noise.uniform(logits[0].numel()).view_as(logits)
        return relaxed_sample(logits, 1.0, uniforms).argmax(2)

    def images(self, codes: Tensor) -> Tensor:
        """Codes (N, h w) in raster order to images (N, C, H, W) in -1 .. 1."""
        outputs = self.decoder(self._as_grid(one_hot(codes, self.n_codes).float()))
        return most_likely_pixels(outputs).mul(2.0).sub(1.0)

    def _as_grid(self, codes: Tensor) -> Tensor:
        """Rows of codes (N, h w, K) as a grid (N, K, h, w)."""
        return codes.transpose(1, 2).reshape(len(codes), self.n_codes, self.grid, self.grid)
