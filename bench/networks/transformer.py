"""A small causal transformer over token sequences, with key-value caches for sampling.

Pre-norm blocks, learned positions, ReLU, no dropout. Token t is predicted from tokens before t;
a learned start vector stands in front of the first. ``CachedSteps`` keeps its caches in place,
which pays for sequences as long as an image has pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from bench.objectives.levels import invert

Cache = tuple[Tensor, Tensor]


class BlockLayers(nn.Module):
    """The layers of a block: attention and a two-layer perceptron, each behind a normalisation."""

    def __init__(self, dim: int, n_heads: int, activation: nn.Module) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm_1 = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.norm_2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), activation, nn.Linear(4 * dim, dim))


class Block(BlockLayers):
    """Attention and a two-layer perceptron, each with a pre-norm residual."""

    def __init__(self, dim: int, n_heads: int) -> None:
        super().__init__(dim, n_heads, nn.ReLU())

    def forward(self, x: Tensor, past: Cache | None = None) -> tuple[Tensor, Cache]:
        """Activations (N, T, dim), and the keys and values (N, heads, T', dim / heads) so far.

        Without ``past`` the whole sequence attends causally; with it, ``x`` is the next token.
        """
        n, t, dim = x.shape
        qkv = self.qkv(self.norm_1(x)).view(n, t, 3, self.n_heads, dim // self.n_heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (N, heads, T, dim / heads)
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        attended = scaled_dot_product_attention(q, k, v, is_causal=past is None)
        x = x + self.out(attended.transpose(1, 2).reshape(n, t, dim))
        return x + self.mlp(self.norm_2(x)), (k, v)


class CausalTransformer(nn.Module):
    """Logits of every next token of sequences of fixed length.

    Args:
        n_tokens: size of the vocabulary.
        length: tokens per sequence.
        dim: width of the residual stream.
        n_layers: blocks.
        n_heads: attention heads; divides ``dim``.
    """

    def __init__(self, n_tokens: int, length: int, dim: int, n_layers: int, n_heads: int) -> None:
        super().__init__()
        self.length = length
        self.embedding = nn.Embedding(n_tokens, dim)
        self.start = nn.Parameter(torch.zeros(dim))
        self.position = nn.Parameter(torch.zeros(length, dim))
        self.blocks = nn.ModuleList(Block(dim, n_heads) for _ in range(n_layers))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, n_tokens)
        for parameter in (self.embedding.weight, self.start, self.position, self.head.weight):
            nn.init.normal_(parameter, 0.0, 0.02)

    def forward(self, tokens: Tensor, context: Tensor | None = None) -> Tensor:
        """Tokens (N, length) to logits (N, length, n_tokens); logits at t see tokens before t.

        ``context`` (N, length, dim) is added to the input of each position, if there is any.
        """
        embedded = self.embedding(tokens[:, :-1])  # (N, length - 1, dim)
        start = self.start.expand(len(tokens), 1, -1)
        x = torch.cat([start, embedded], 1) + self.position  # (N, length, dim)
        if context is not None:
            x = x + context
        for block in self.blocks:
            x, _ = block(x)
        logits: Tensor = self.head(self.norm(x))
        return logits

    @torch.no_grad()
    def generate(self, uniforms: Tensor) -> Tensor:
        """Sequences drawn token by token, by inverting each conditional distribution.

        Args:
            uniforms: (N, length) in [0, 1), one number per token.

        Returns:
            Tokens (N, length), int64; row i depends on ``uniforms[i]`` alone.
        """
        caches: list[Cache | None] = [None] * len(self.blocks)
        x = self.start.expand(len(uniforms), 1, -1) + self.position[:1]  # (N, 1, dim)
        tokens = []
        for t in range(self.length):
            for index, block in enumerate(self.blocks):
                x, caches[index] = block(x, caches[index])
            probabilities = torch.softmax(self.head(self.norm(x[:, 0])), 1)  # (N, n_tokens)
            token = _invert(probabilities, uniforms[:, t])
            tokens.append(token)
            if t + 1 < self.length:
                x = (self.embedding(token) + self.position[t + 1])[:, None]
        return torch.stack(tokens, 1)


def _invert(probabilities: Tensor, uniforms: Tensor) -> Tensor:
    cumulative = probabilities.cumsum(1)
    below = (cumulative <= uniforms[:, None]).sum(1)
    return below.clamp_max(probabilities.shape[1] - 1)  # rounding may leave the last sum below 1


class CachedSteps:
    """One token of each sequence at a time; nothing is copied when a sequence grows.

    Args:
        transformer: whose ``forward`` gives the same logits for whole sequences.
        n: sequences that are drawn together.
        context: (N, length, dim), added to the input of each position, if there is any.
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

    def draw(self, uniforms: Tensor) -> Tensor:
        """Sequences (N, length) of tokens from uniforms of the same shape in [0, 1)."""
        tokens = torch.zeros_like(uniforms, dtype=torch.int64)
        for t in range(uniforms.shape[1]):
            logits = self.logits(tokens[:, t - 1] if t else None)
            tokens[:, t] = invert(torch.softmax(logits, 1), uniforms[:, t])
        return tokens

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
