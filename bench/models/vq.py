"""Autoencoders with a grid of discrete codes and a learned prior over them.

VQ-VAE (van den Oord et al. 2017, 1711.00937) has an averaged codebook, FSQ (Mentzer et al. 2023,
2309.15505) rounds; everything else is shared. One step updates the autoencoder and then the prior
on the codes of the same images, so that the model can sample at any time; no gradient of the prior
reaches the autoencoder. Deviation from the papers: the prior is a causal transformer instead of a
PixelCNN or a masked transformer, trained beside the autoencoder instead of after it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss

from bench.identity.settings import Fraction
from bench.models.base import (
    AdamSettings,
    Batch,
    GenerativeModel,
    Recipe,
    StepContext,
    adam,
    descend,
    detached,
)
from bench.models.noise import ImageNoise
from bench.networks.quantised import LARGEST_GRID, GridDecoder, GridEncoder, grid_size
from bench.networks.quantisers import (
    AveragedCodebook,
    FiniteScalar,
    Quantiser,
    as_grid,
    as_vectors,
)
from bench.networks.shape import ImageShape
from bench.networks.transformer import CausalTransformer

Levels = Annotated[int, Field(ge=2)]


class CodeGridRecipe(Recipe):
    """Settings of every autoencoder with a grid of codes.

    Attributes:
        width: channels of encoder and decoder.
        largest_grid: images are halved until the grid of codes is at most this wide.
        prior_dim, prior_layers, prior_heads: the prior's size.
        prior_optimizer: of the prior; ``optimizer`` is the autoencoder's.
    """

    width: PositiveInt = 32
    largest_grid: PositiveInt = LARGEST_GRID
    prior_dim: PositiveInt = 64
    prior_layers: PositiveInt = 3
    prior_heads: PositiveInt = 4
    optimizer: AdamSettings = AdamSettings(lr=1.0e-3)
    prior_optimizer: AdamSettings = AdamSettings(lr=1.0e-3)


class VQVAERecipe(CodeGridRecipe):
    """Settings of a VQ-VAE.

    Attributes:
        n_codes: size of the codebook (K).
        code_dim: length of a code (D).
        codebook_decay: of the averages that the codebook is made of.
        commitment: weight of the term that ties the encoder to its codes (beta).
        restart_below: a code whose averaged count per batch is lower is put on a vector of the
            batch; 0 for never, as in the paper.
    """

    n_codes: PositiveInt = 64
    code_dim: PositiveInt = 16
    codebook_decay: Fraction = 0.99
    commitment: PositiveFloat = 0.25
    restart_below: NonNegativeFloat = 0.0


class FSQVAERecipe(CodeGridRecipe):
    """Settings of an autoencoder with finite scalar quantisation.

    Attributes:
        levels: number of values of each channel of the code; their product is the vocabulary.
    """

    levels: Annotated[tuple[Levels, ...], Field(min_length=1)] = (8, 6, 5)


class CodeGridVAE(GenerativeModel):
    """Discrete grid autoencoder and an autoregressive prior over its codes.

    Args:
        code_dim: channels that are quantised.
        quantiser: makes the quantiser; called between the networks and the prior.
        commitment: weight of the quantiser's own term.
    """

    latent_dim = 0
    sampled_from = ("prior", "codebook", "decoder")

    def __init__(
        self,
        recipe: CodeGridRecipe,
        shape: ImageShape,
        n_classes: int,
        code_dim: int,
        quantiser: Callable[[], Quantiser],
        commitment: float = 0.0,
    ) -> None:
        super().__init__(recipe, shape, n_classes)
        self.commitment = commitment
        largest = recipe.largest_grid
        self.encoder = GridEncoder(shape, recipe.width, code_dim, largest)
        self.decoder = GridDecoder(shape, recipe.width, code_dim, largest)
        self.codebook = quantiser()
        self.prior = CausalTransformer(
            self.codebook.n_codes,
            grid_size(shape, largest) ** 2,
            recipe.prior_dim,
            recipe.prior_layers,
            recipe.prior_heads,
        )
        self._optimizers = {
            "autoencoder": adam(recipe.optimizer, self.encoder, self.decoder),
            "prior": adam(recipe.prior_optimizer, self.prior),
        }

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """Update autoencoder and quantiser, then the prior on the codes just found."""
        reconstruction, commitment, indices = self.autoencoder_losses(batch.images)
        descend(reconstruction + self.commitment * commitment, self._optimizers["autoencoder"])
        prior = self.prior_loss(indices.view(len(batch.images), -1))
        descend(prior, self._optimizers["prior"])
        losses = detached(reconstruction=reconstruction, commitment=commitment, prior=prior)
        return losses | usage(indices, self.codebook.n_codes)

    def autoencoder_losses(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction and commitment terms, both means, and the code of every position (M,).

        In training the quantiser may move its codes, in evaluation it does not.
        """
        codes = self.codebook(self.encoder(images))
        reconstruction = mse_loss(torch.tanh(self.decoder(codes.grid)), images)
        return reconstruction, codes.commitment, codes.indices

    def prior_loss(self, tokens: Tensor) -> Tensor:
        """Nats per code of sequences (N, h w) in raster order."""
        return cross_entropy(self.prior(tokens).flatten(0, 1), tokens.flatten())

    def reconstruct(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in -1 .. 1 to their reconstructions from codes."""
        indices = self.codebook.indices(as_vectors(self.encoder(images)))
        return self.decode_tokens(indices.view(len(images), self.prior.length))

    def decode_tokens(self, tokens: Tensor) -> Tensor:
        """Codes (N, h w) in raster order to images (N, C, H, W) in -1 .. 1."""
        grid = as_grid(self.codebook.lookup(tokens.flatten()), math.isqrt(self.prior.length))
        return torch.tanh(self.decoder(grid))

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Draw codes one after another from the prior, then decode them."""
        return self.decode_tokens(self.prior.generate(noise.uniform(self.prior.length)))


class VQVAE(CodeGridVAE):
    """Nearest codes of an averaged codebook; eq. 3 of 1711.00937 with averages as middle term."""

    recipe_type = VQVAERecipe
    codebook: AveragedCodebook

    def __init__(self, recipe: VQVAERecipe, shape: ImageShape, n_classes: int) -> None:
        def quantiser() -> Quantiser:
            return AveragedCodebook(
                recipe.n_codes, recipe.code_dim, recipe.codebook_decay, recipe.restart_below
            )

        super().__init__(recipe, shape, n_classes, recipe.code_dim, quantiser, recipe.commitment)


class FSQVAE(CodeGridVAE):
    """Bounded and rounded channels; reconstruction is the autoencoder's only term, 2309.15505."""

    recipe_type = FSQVAERecipe
    codebook: FiniteScalar

    def __init__(self, recipe: FSQVAERecipe, shape: ImageShape, n_classes: int) -> None:
        levels = recipe.levels
        super().__init__(recipe, shape, n_classes, len(levels), lambda: FiniteScalar(levels))


def usage(indices: Tensor, n_codes: int) -> dict[str, Tensor]:
    """Perplexity of the codes, and the number of them that occur."""
    return {
        "perplexity": perplexity(indices, n_codes),
        "codes_used": codes_used(indices, n_codes),
    }


def perplexity(indices: Tensor, n_codes: int) -> Tensor:
    """Exp of the entropy of code usage: 1 if one code is used, ``n_codes`` if all are alike."""
    frequency = torch.bincount(indices.flatten(), minlength=n_codes) / indices.numel()
    entropy: Tensor = torch.special.entr(frequency).sum()
    return entropy.exp()


def codes_used(indices: Tensor, n_codes: int) -> Tensor:
    """Number of ``n_codes`` that occur at least once, as a float."""
    return (torch.bincount(indices.flatten(), minlength=n_codes) > 0).float().sum()
