"""A GPT over pixels in raster order (Chen et al. 2020, "Generative Pretraining from Pixels").

One token is one pixel. Where there are three channels it is a colour of a fixed palette, the
product of the levels of the channels, where the paper has a palette of 512 colours found by
k-means. The likelihood of rounded images is exact either way.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from bench.networks.pixel_network import PixelNetwork
from bench.networks.shape import ImageShape
from bench.networks.transformer import Block, CausalTransformer
from bench.objectives.levels import invert

LARGEST_PALETTE = 2**16


class PixelGPT(PixelNetwork):
    """p(image) as a product over pixels in raster order.

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
        self.n_draws = self.n_tokens = shape.size**2
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
        steps = CachedSteps(self.transformer, len(uniforms))
        tokens = torch.zeros_like(uniforms, dtype=torch.int64)
        for t in range(self.n_tokens):
            logits = steps.logits(tokens[:, t - 1] if t else None)
            tokens[:, t] = invert(torch.softmax(logits, 1), uniforms[:, t])
        return self.levels(tokens)

    def tokens(self, levels: Tensor) -> Tensor:
        """Levels (N, C, H, W) to colours (N, H W), the first channel counting least."""
        radix = self.n_levels ** torch.arange(self.shape.channels, device=levels.device)
        return (levels * radix[:, None, None]).sum(1).flatten(1)

    def levels(self, tokens: Tensor) -> Tensor:
        """Colours (N, H W) to levels (N, C, H, W)."""
        radix = self.n_levels ** torch.arange(self.shape.channels, device=tokens.device)
        digits = tokens[:, None] // radix[:, None] % self.n_levels  # (N, C, H W)
        return digits.unflatten(2, (self.shape.size, self.shape.size))


class CachedSteps:
    """A causal transformer, one token at a time; keys and values are kept in place.

    Args:
        transformer: whose ``forward`` gives the same logits for whole sequences.
        n: sequences that are drawn together.
    """

    def __init__(self, transformer: CausalTransformer, n: int) -> None:
        self.transformer = transformer
        self.done = 0
        dim = len(transformer.start)
        heads = [block.n_heads for block in self._blocks]
        self._caches = [
            transformer.start.new_empty(2, n * h, transformer.length, dim // h) for h in heads
        ]
        self._n = n

    def logits(self, token: Tensor | None) -> Tensor:
        """Logits (N, n_tokens) of the next token, given the one before (N,); None at the start."""
        network = self.transformer
        vector = network.start.expand(self._n, -1) if token is None else network.embedding(token)
        x = vector + network.position[self.done]  # (N, dim)
        for block, cache in zip(self._blocks, self._caches, strict=True):
            x = self._through(block, cache, x)
        self.done += 1
        logits: Tensor = network.head(network.norm(x))
        return logits

    def _through(self, block: Block, cache: Tensor, x: Tensor) -> Tensor:
        """One block for the newest token, (N, dim) to (N, dim)."""
        n_rows, size = cache.shape[1], cache.shape[3]  # N heads, dim / heads
        q, k, v = block.qkv(block.norm_1(x)).chunk(3, 1)
        cache[0, :, self.done] = k.reshape(n_rows, size)
        cache[1, :, self.done] = v.reshape(n_rows, size)
        keys, values = cache[:, :, : self.done + 1]
        scores = torch.bmm(keys, q.reshape(n_rows, size, 1)) * size**-0.5  # (N heads, t, 1)
        attended = torch.bmm(scores.softmax(1).transpose(1, 2), values)  # (N heads, 1, size)
        x = x + block.out(attended.reshape(x.shape))
        widened: Tensor = block.mlp(block.norm_2(x))
        return x + widened

    @property
    def _blocks(self) -> list[Block]:
        return [block for block in self.transformer.blocks if isinstance(block, Block)]
