"""The networks of BigGAN (Brock et al. 2018, 1809.11096, appendix B), small.

One embedding of the class is shared by the whole generator. The noise is cut into chunks, one for
the first layer and one for each block; a block's batch normalisations take their gains and biases
from the embedding and the block's chunk through linear maps. Attention stands on the grid of half
the image's size in both networks. Weights start orthogonal.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from bench.networks import resnet
from bench.networks.parts import Conditioned, Norm, with_weight_norm
from bench.networks.sagan import SelfAttention
from bench.networks.shape import ImageShape, halvings

SMALLEST_GRID = 4


class ModulatedBatchNorm(nn.Module):
    """Batch normalisation with gains 1 + A c and biases B c of a condition vector c."""

    def __init__(self, channels: int, n_condition: int) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Linear(n_condition, channels, bias=False)
        self.bias = nn.Linear(n_condition, channels, bias=False)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """Features (N, C, H, W) and conditions (N, n_condition) to (N, C, H, W)."""
        gain = 1.0 + self.gain(condition)[:, :, None, None]
        return torch.addcmul(self.bias(condition)[:, :, None, None], self.normalise(features), gain)


class GeneratorBlock(nn.Module):
    """Features (N, n_in, H, W) and a condition (N, n_condition) to (N, n_out, 2 H, 2 W)."""

    def __init__(self, n_in: int, n_out: int, n_condition: int) -> None:
        super().__init__()
        self.before = ModulatedBatchNorm(n_in, n_condition)
        self.first = nn.Conv2d(n_in, n_out, 3, padding=1)
        self.between = ModulatedBatchNorm(n_out, n_condition)
        self.second = nn.Conv2d(n_out, n_out, 3, padding=1)
        self.shortcut = nn.Conv2d(n_in, n_out, 1)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """Features (N, n_in, H, W) and a condition (N, n_condition) to (N, n_out, 2 H, 2 W)."""
        hidden = self.first(resnet.doubled(relu(self.before(features, condition))))
        residual: Tensor = self.second(relu(self.between(hidden, condition)))
        # A 1 x 1 convolution and repeating pixels commute; this order is four times cheaper.
        return residual + resnet.doubled(self.shortcut(features))


class Generator(Conditioned):
    """Noise (N, latent_dim), and the classes given, to images (N, C, H, W) in -1 .. 1.

    Args:
        shape: of the images.
        latent_dim: length of the noise, at least one number for each chunk.
        width: channels of the finest grid; coarser grids have twice as many.
        n_classes: of the data set.
        embedding_dim: length of the shared embedding of a class.
    """

    def __init__(
        self, shape: ImageShape, latent_dim: int, width: int, n_classes: int, embedding_dim: int
    ) -> None:
        super().__init__()
        n_blocks = halvings(shape.size, SMALLEST_GRID)
        self.chunks = chunk_sizes(latent_dim, n_blocks + 1)
        grid = shape.size >> n_blocks
        channels = [*[2 * width] * n_blocks, width]
        self.embedding = nn.Embedding(n_classes, embedding_dim)
        self.first = nn.Linear(self.chunks[0], channels[0] * grid**2)
        self.grid = (channels[0], grid, grid)
        self.blocks = nn.ModuleList(
            GeneratorBlock(n_in, n_out, embedding_dim + n_noise)
            for n_in, n_out, n_noise in zip(channels, channels[1:], self.chunks[1:], strict=False)
        )
        self.attention = SelfAttention(channels[max(0, n_blocks - 1)], "none")
        self.last_norm = nn.BatchNorm2d(width)
        self.last = nn.Conv2d(width, shape.channels, 3, padding=1)
        self.apply(_orthogonal)
        with_weight_norm("spectral", self)

    def forward(self, noise: Tensor) -> Tensor:
        """Noise (N, latent_dim) to images (N, C, H, W) in -1 .. 1."""
        first, *chunks = noise.split(self.chunks, 1)
        embedded = self.embedding(self.condition)  # (N, embedding_dim)
        features = self.first(first).view(-1, *self.grid)
        for level, (block, chunk) in enumerate(zip(self.blocks, chunks, strict=True)):
            if level == len(self.blocks) - 1:
                features = self.attention(features)
            features = block(features, torch.cat([embedded, chunk], 1))
        images: Tensor = torch.tanh(self.last(relu(self.last_norm(features))))
        return images


class Critic(resnet.Critic):
    """Images (N, C, H, W) to raw scores (N,): SNGAN's residual critic with attention."""

    def __init__(self, shape: ImageShape, width: int, norm: Norm) -> None:
        super().__init__(shape, width, "none")
        self.layers.insert(1, SelfAttention(width, "none"))
        self.apply(_orthogonal)
        with_weight_norm(norm, self)


def chunk_sizes(length: int, n_chunks: int) -> list[int]:
    """Sizes of the parts of a vector: equal but for the first, which takes the remainder."""
    if length < n_chunks:
        raise ValueError(f"{length} numbers cannot be cut into {n_chunks} chunks")
    each = length // n_chunks
    return [length - (n_chunks - 1) * each, *[each] * (n_chunks - 1)]


def _orthogonal(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.Linear, nn.Embedding)):
        nn.init.orthogonal_(module.weight)
        if not isinstance(module, nn.Embedding) and module.bias is not None:
            nn.init.zeros_(module.bias)
