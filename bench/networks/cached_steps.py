"""A causal transformer token by token, with keys and values that are kept in place.

Nothing is copied when a sequence grows, which pays for sequences as long as an image has pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.networks.transformer import Block, CausalTransformer


class CachedSteps:
    """One token of each sequence at a time.

    Args:
        transformer: whose ``forward`` gives the same logits for whole sequences.
        n: sequences that are drawn together.
        context: (N, length, dim), added to what each position is told, if there is any.
    """

    def __init__(
        self, transformer: CausalTransformer, n: int, context: Tensor | None = None
    ) -> None:
        self.transformer = transformer
        self.context = context
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
        if self.context is not None:
            x = x + self.context[:, self.done]
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
        # a row of scores per sequence: this order of the product is the fastest on a CPU
        scores = torch.bmm(q.reshape(n_rows, 1, size), keys.transpose(1, 2)) * size**-0.5
        attended = torch.bmm(scores.softmax(2), values)  # (N heads, 1, size)
        x = x + block.out(attended.reshape(x.shape))
        widened: Tensor = block.mlp(block.norm_2(x))
        return x + widened

    @property
    def _blocks(self) -> list[Block]:
        return [block for block in self.transformer.blocks if isinstance(block, Block)]
