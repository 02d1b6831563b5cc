"""A GPT over pixels in raster order (Chen et al. 2020, "Generative Pretraining from Pixels").

One token is one pixel. Where there are three channels it is a colour of a fixed palette, the
product of the levels of the channels, where the paper has a palette of 512 colours found by
k-means. The likelihood of rounded images is exact either way.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from bench.networks.shape import ImageShape
from bench.networks.transformer import CachedSteps, CausalTransformer

LARGEST_PALETTE = 2**16


class PixelGPT(nn.Module):
    """p(image) as a product over pixels in raster order.

    ``n_tokens`` are the steps of the autoregression, each of which one uniform number draws.

    Args:
        shape: of the images.
        n_levels: values of a pixel in one channel.
        dim, n_layers, n_heads: size of the transformer.
    """

    def __init__(
        self, shape: ImageShape, n_levels: int, dim: int, n_layers: int, n_heads: int
    ) -> None:
        super().__init__()
        self.shape, self.n_levels = shape, n_levels
        self.n_tokens = shape.size**2
        n_colours = n_levels**shape.channels
        if n_colours > LARGEST_PALETTE:
            raise ValueError(f"{n_colours:,} colours, and at most {LARGEST_PALETTE:,} are possible")
        self.transformer = CausalTransformer(n_colours, self.n_tokens, dim, n_layers, n_heads)

    def nats(self, levels: Tensor) -> Tensor:
        """-ln p of every image, (N, C, H, W) int64 to (N,)."""
        tokens = self.tokens(levels)
        logits = self.transformer(tokens).transpose(1, 2)  # (N, n_colours, H W)
        return cross_entropy(logits, tokens, reduction="none").sum(1)

    @torch.no_grad()
    def draw(self, uniforms: Tensor) -> Tensor:
        """Images (N, C, H, W) from uniforms (N, H W), pixel by pixel."""
        return self.levels(CachedSteps(self.transformer, len(uniforms)).draw(uniforms))

    def tokens(self, levels: Tensor) -> Tensor:
        """Levels (N, C, H, W) to colours (N, H W), the first channel counting least."""
        radix = self.n_levels ** torch.arange(self.shape.channels, device=levels.device)
        return (levels * radix[:, None, None]).sum(1).flatten(1)

    def levels(self, tokens: Tensor) -> Tensor:
        """Colours (N, H W) to levels (N, C, H, W)."""
        radix = self.n_levels ** torch.arange(self.shape.channels, device=tokens.device)
        digits = tokens[:, None] // radix[:, None] % self.n_levels  # (N, C, H W)
        levels: Tensor = digits.unflatten(2, (self.shape.size, self.shape.size))
        return levels
