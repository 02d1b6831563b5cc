"""VQ-VAE with an averaged codebook and a learned prior (van den Oord et al. 2017, 1711.00937).

One step updates the autoencoder and then the prior on the codes of the same images, so that the
model can sample at any time; no gradient of the prior reaches the autoencoder. Deviation from the
paper: the prior is a causal transformer instead of a PixelCNN, trained beside the autoencoder
instead of after it.
"""

from __future__ import annotations

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.optim import Optimizer

from bench.models.base import (
    AdamSettings,
    Fraction,
    GenerativeModel,
    Recipe,
    StepContext,
    adam,
    descend,
)
from bench.networks.quantised import GridDecoder, GridEncoder, grid_size
from bench.networks.shape import ImageShape
from bench.networks.transformer import CausalTransformer
from bench.noise import ImageNoise


class VQVAERecipe(Recipe):
    """Settings of a VQ-VAE.

    Attributes:
        width: channels of encoder and decoder.
        n_codes: size of the codebook (K).
        code_dim: length of a code (D).
        codebook_decay: of the averages that the codebook is made of.
        commitment: weight of the term that ties the encoder to its codes (beta).
        prior_dim, prior_layers, prior_heads: the prior's size.
        prior_optimizer: of the prior; ``optimizer`` is the autoencoder's.
    """

    width: PositiveInt = 32
    n_codes: PositiveInt = 64
    code_dim: PositiveInt = 16
    codebook_decay: Fraction = 0.99
    commitment: PositiveFloat = 0.25
    prior_dim: PositiveInt = 64
    prior_layers: PositiveInt = 3
    prior_heads: PositiveInt = 4
    optimizer: AdamSettings = AdamSettings(lr=1.0e-3)
    prior_optimizer: AdamSettings = AdamSettings(lr=1.0e-3)


class AveragedCodebook(nn.Module):
    """Codes that follow the average of the vectors assigned to them, 1711.00937 appendix A.1.

    Args:
        n_codes: K.
        code_dim: D.
        decay: of counts and sums; a code is their smoothed quotient.
    """

    codes: Tensor
    counts: Tensor
    sums: Tensor
    started: Tensor
    smoothing = 1.0e-5

    def __init__(self, n_codes: int, code_dim: int, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("codes", torch.randn(n_codes, code_dim) / n_codes)
        self.register_buffer("counts", torch.ones(n_codes))
        self.register_buffer("sums", self.codes.clone())
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))

    def nearest(self, vectors: Tensor) -> Tensor:
        """Index of the nearest code of every vector, (M, D) to (M,)."""
        # ||v - c||^2 without the term that is the same for all codes
        distances = self.codes.square().sum(1) - 2.0 * vectors @ self.codes.T  # (M, K)
        return distances.argmin(1)

    @torch.no_grad()
    def update(self, vectors: Tensor, indices: Tensor) -> None:
        """Move counts, sums and codes towards one batch of vectors (M, D) and their codes (M,)."""
        n_codes = len(self.codes)
        counts = torch.bincount(indices, minlength=n_codes).to(vectors.dtype)
        sums = torch.zeros_like(self.sums).index_add_(0, indices, vectors)
        self.counts.lerp_(counts, 1.0 - self.decay)
        self.sums.lerp_(sums, 1.0 - self.decay)
        total = self.counts.sum()
        smoothed = (self.counts + self.smoothing) / (total + n_codes * self.smoothing) * total
        self.codes.copy_(self.sums / smoothed[:, None])

    @torch.no_grad()
    def start(self, vectors: Tensor) -> None:
        """Begin at vectors drawn from the first batch, so that no code starts out of reach."""
        chosen = torch.randint(len(vectors), (len(self.codes),), device=vectors.device)
        self.codes.copy_(vectors[chosen])
        self.counts.fill_(len(vectors) / len(self.codes))
        self.sums.copy_(self.codes * self.counts[:, None])
        self.started.fill_(True)


class VQVAE(GenerativeModel):
    """Discrete grid autoencoder and an autoregressive prior over its codes."""

    recipe_type = VQVAERecipe
    latent_dim = 0

    def __init__(self, recipe: VQVAERecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.commitment = recipe.commitment
        self.grid = grid_size(shape)
        self.encoder = GridEncoder(shape, recipe.width, recipe.code_dim)
        self.decoder = GridDecoder(shape, recipe.width, recipe.code_dim)
        self.codebook = AveragedCodebook(recipe.n_codes, recipe.code_dim, recipe.codebook_decay)
        self.prior = CausalTransformer(
            recipe.n_codes,
            self.grid**2,
            recipe.prior_dim,
            recipe.prior_layers,
            recipe.prior_heads,
        )
        networks = [*self.encoder.parameters(), *self.decoder.parameters()]
        self._optimizers = {
            "autoencoder": adam(networks, recipe.optimizer),
            "prior": adam(list(self.prior.parameters()), recipe.prior_optimizer),
        }

    def optimizers(self) -> dict[str, Optimizer]:
        """Adam for the autoencoder and Adam for the prior; the codebook needs none."""
        return dict(self._optimizers)

    def sampling_modules(self) -> dict[str, nn.Module]:
        """Prior, codebook and decoder."""
        return {"prior": self.prior, "codebook": self.codebook, "decoder": self.decoder}

    def step(self, images: Tensor, labels: Tensor, ctx: StepContext) -> dict[str, Tensor]:  # noqa: ARG002
        """Update autoencoder and codebook, then the prior on the codes just found."""
        reconstruction, commitment, indices = self.autoencoder_losses(images)
        descend(reconstruction + self.commitment * commitment, self._optimizers["autoencoder"])
        prior = self.prior_loss(indices.view(len(images), -1))
        descend(prior, self._optimizers["prior"])
        return {
            "reconstruction": reconstruction.detach(),
            "commitment": commitment.detach(),
            "prior": prior.detach(),
            "perplexity": perplexity(indices, len(self.codebook.codes)),
        }

    def autoencoder_losses(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction and commitment terms, both means, and the code of every position (M,).

        1711.00937 eq. 3; its middle term is replaced by the codebook's averages. In training the
        codebook moves, in evaluation it does not.
        """
        grid = self.encoder(images)  # (N, D, h, w)
        vectors = grid.permute(0, 2, 3, 1).flatten(0, 2)  # (M, D), M = N h w
        if self.training and not self.codebook.started:
            self.codebook.start(vectors.detach())
        indices = self.codebook.nearest(vectors.detach())
        quantised = self._as_grid(self.codebook.codes[indices], len(images))
        commitment = mse_loss(grid, quantised)
        straight_through = grid + (quantised - grid).detach()
        reconstruction = mse_loss(torch.tanh(self.decoder(straight_through)), images)
        if self.training:
            self.codebook.update(vectors.detach(), indices)
        return reconstruction, commitment, indices

    def prior_loss(self, tokens: Tensor) -> Tensor:
        """Nats per code of sequences (N, h w) in raster order."""
        return cross_entropy(self.prior(tokens).flatten(0, 1), tokens.flatten())

    def reconstruct(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in -1 .. 1 to what their codes decode to."""
        grid = self.encoder(images)
        indices = self.codebook.nearest(grid.permute(0, 2, 3, 1).flatten(0, 2))
        return self.decode_tokens(indices.view(len(images), -1))

    def decode_tokens(self, tokens: Tensor) -> Tensor:
        """Codes (N, h w) in raster order to images (N, C, H, W) in -1 .. 1."""
        grid = self._as_grid(self.codebook.codes[tokens.flatten()], len(tokens))
        return torch.tanh(self.decoder(grid))

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Draw codes one after another from the prior, then decode them."""
        return self.decode_tokens(self.prior.generate(noise.uniform(self.prior.length)))

    def _as_grid(self, vectors: Tensor, n: int) -> Tensor:
        return vectors.view(n, self.grid, self.grid, -1).permute(0, 3, 1, 2)  # (N, D, h, w)


def perplexity(indices: Tensor, n_codes: int) -> Tensor:
    """Exp of the entropy of code usage: 1 if one code is used, ``n_codes`` if all are alike."""
    frequency = torch.bincount(indices.flatten(), minlength=n_codes) / indices.numel()
    entropy: Tensor = torch.special.entr(frequency).sum()
    return entropy.exp()
