"""VQ-VAE-2 (Razavi et al. 2019, 1906.00446): codes on two grids, the coarse above the fine.

The top codes are found first; the bottom ones see them, so that they need to hold only what is
left, and the decoder sees both. Deviation: both priors are causal transformers instead of
PixelSNAIL, trained beside the autoencoder instead of after it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate, mse_loss

from bench.models.base import Batch, GenerativeModel, StepContext, adam, descend, detached
from bench.models.noise import ImageNoise
from bench.models.vq import VQVAERecipe, codes_used, perplexity
from bench.networks.quantised import GridDecoder, GridEncoder, grid_size
from bench.networks.quantisers import AveragedCodebook, Quantised, as_grid
from bench.networks.shape import ImageShape
from bench.networks.transformer import CausalTransformer
from bench.networks.two_grids import BottomPrior, Down, Up, coarser


class TwoGrids(NamedTuple):
    """Outputs of both quantisers for a batch of images."""

    top: Quantised
    bottom: Quantised


class VQVAE2(GenerativeModel):
    """Two codebooks, and a prior over the bottom codes that is told the top ones.

    The settings are those of a VQ-VAE, ``largest_grid`` is the bottom grid's; both codebooks and
    both priors have one size.
    """

    recipe_type = VQVAERecipe
    latent_dim = 0
    sampled_from = ("top_prior", "bottom_prior", "top_codebook", "bottom_codebook", "decoder")

    def __init__(self, recipe: VQVAERecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.commitment = recipe.commitment
        self.size = grid_size(shape, recipe.largest_grid)
        self.top_size = coarser(self.size)
        width, code_dim, largest = recipe.width, recipe.code_dim, recipe.largest_grid
        self.encoder = GridEncoder(shape, width, width, largest)
        self.down = Down(width, code_dim)
        self.up = Up(code_dim, width, self.size)
        self.joined = nn.Conv2d(2 * width, code_dim, 1)
        self.decoder = GridDecoder(shape, width, 2 * code_dim, largest)
        made = (recipe.n_codes, code_dim, recipe.codebook_decay, recipe.restart_below)
        self.top_codebook, self.bottom_codebook = AveragedCodebook(*made), AveragedCodebook(*made)
        prior = (recipe.prior_dim, recipe.prior_layers, recipe.prior_heads)
        self.top_prior = CausalTransformer(recipe.n_codes, self.top_size**2, *prior)
        self.bottom_prior = BottomPrior(recipe.n_codes, self.size, *prior)
        autoencoder = (self.encoder, self.down, self.up, self.joined, self.decoder)
        self._optimizers = {
            "autoencoder": adam(recipe.optimizer, *autoencoder),
            "prior": adam(recipe.prior_optimizer, self.top_prior, self.bottom_prior),
        }

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """Update autoencoder and codebooks, then the priors on the codes just found."""
        grids = self.quantise(batch.images)
        decoded = self.decode_grids(grids.top.grid, grids.bottom.grid)
        reconstruction = mse_loss(decoded, batch.images)
        commitment = grids.top.commitment + grids.bottom.commitment
        descend(reconstruction + self.commitment * commitment, self._optimizers["autoencoder"])
        top, bottom = self.as_tokens(grids)
        top_loss, bottom_loss = self.prior_losses(top, bottom)
        # summed over a whole image, in nats, so that each code counts alike in both priors
        total = top_loss * self.top_size**2 + bottom_loss * self.size**2
        n_tokens = self.top_size**2 + self.size**2
        descend(total / n_tokens, self._optimizers["prior"])
        losses = detached(
            reconstruction=reconstruction,
            commitment=commitment,
            top_prior=top_loss,
            bottom_prior=bottom_loss,
        )
        return losses | self.usage(grids)

    def quantise(self, images: Tensor) -> TwoGrids:
        """Codes of images (N, C, H, W) in -1 .. 1: first the top, then the bottom given the top."""
        features = self.encoder(images)
        top = self.top_codebook(self.down(features))
        bottom = self.bottom_codebook(self.joined(torch.cat([features, self.up(top.grid)], 1)))
        return TwoGrids(top, bottom)

    def as_tokens(self, grids: TwoGrids) -> tuple[Tensor, Tensor]:
        """Top and bottom codes in raster order, (N, h/2 h/2) and (N, h h)."""
        n_top, n_bottom = self.top_size**2, self.size**2
        return grids.top.indices.view(-1, n_top), grids.bottom.indices.view(-1, n_bottom)

    def prior_losses(self, top: Tensor, bottom: Tensor) -> tuple[Tensor, Tensor]:
        """Nats per code of the top and, given the top, of the bottom."""
        of_top = cross_entropy(self.top_prior(top).flatten(0, 1), top.flatten())
        logits = self.bottom_prior(bottom, top)
        return of_top, cross_entropy(logits.flatten(0, 1), bottom.flatten())

    def usage(self, grids: TwoGrids) -> dict[str, Tensor]:
        """Number of codes of each grid that occur, and their perplexity."""
        n_codes = self.top_codebook.n_codes
        named = {"top": grids.top.indices, "bottom": grids.bottom.indices}
        used = {f"{name}_codes_used": codes_used(i, n_codes) for name, i in named.items()}
        return used | {f"{name}_perplexity": perplexity(i, n_codes) for name, i in named.items()}

    def decode_grids(self, top: Tensor, bottom: Tensor) -> Tensor:
        """Codes (N, code_dim, h/2, h/2) and (N, code_dim, h, h) to images (N, C, H, W)."""
        return torch.tanh(self.decoder(torch.cat([interpolate(top, self.size), bottom], 1)))

    def decode_tokens(self, top: Tensor, bottom: Tensor) -> Tensor:
        """Codes (N, h/2 h/2) and (N, h h) in raster order to images (N, C, H, W) in -1 .. 1."""
        return self.decode_grids(
            as_grid(self.top_codebook.lookup(top.flatten()), self.top_size),
            as_grid(self.bottom_codebook.lookup(bottom.flatten()), self.size),
        )

    def reconstruct(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in -1 .. 1 to their reconstructions from codes."""
        return self.decode_tokens(*self.as_tokens(self.quantise(images)))

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Draw the top codes, then the bottom ones under them, then decode both."""
        top = self.top_prior.generate(noise.uniform(self.top_size**2))
        bottom = self.bottom_prior.generate(noise.uniform(self.size**2), top)
        return self.decode_tokens(top, bottom)

    def measure(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Nats per code of both priors on unseen images, and the use of codes."""
        grids = self.quantise(images)
        of_top, of_bottom = self.prior_losses(*self.as_tokens(grids))
        measured = {"top_nats_per_token": of_top, "bottom_nats_per_token": of_bottom}
        return {name: float(value) for name, value in (measured | self.usage(grids)).items()}
