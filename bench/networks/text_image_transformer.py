"""A decoder-only transformer over text tokens and then image tokens (2102.12092, section 2.2).

Every text position has a pad token of its own; an image token is embedded with its row and its
column. Text attends to earlier text, an image token to all text and to some earlier image tokens:
its row, its column or, in the last layer, its neighbourhood (figure 11). All of it is one softmax
per query. Logits are those of one vocabulary in which a text position can only say text and an
image position only image tokens; what it cannot say is not computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from bench.networks.transformer import BlockLayers

Pattern = Literal["row", "column", "convolution"]

REACH = 2
"""Rows and columns to each side in a convolutional layer: 5 x 5, where the paper has 11 x 11."""


def layer_patterns(n_layers: int) -> list[Pattern]:
    """Patterns row, column, row, row, ..., and convolution in the last layer; section 2.2."""
    patterns: list[Pattern] = ["column" if i % 4 == 1 else "row" for i in range(n_layers)]
    patterns[-1:] = ["convolution"]
    return patterns


def visibility(pattern: Pattern, text_length: int, grid: int) -> Tensor:
    """Mask (L, L) bool with L = T + h h, True where a query, by row, sees a key.

    Text sees earlier text; an image token sees all text and, of the image tokens up to itself, the
    last ``grid`` ones, those of its column, or those near it.
    """
    length, first = text_length + grid**2, text_length + 1
    visible = torch.ones(length, length, dtype=torch.bool).tril()
    tokens = torch.arange(length - first)
    visible[first:, first:] &= _image_pattern(pattern, tokens[:, None], tokens, grid)
    return visible


def _image_pattern(pattern: Pattern, query: Tensor, key: Tensor, grid: int) -> Tensor:
    """Whether the pattern joins two image tokens, whatever their order."""
    if pattern == "row":
        return query - key < grid
    columns = query % grid - key % grid
    if pattern == "column":
        return columns == 0
    rows = query // grid - key // grid
    return (rows.abs() <= REACH) & (columns.abs() <= REACH)


class MaskedBlock(BlockLayers):
    """Attention and a two-layer perceptron, each with a pre-norm residual and dropout."""

    def __init__(self, dim: int, n_heads: int, dropout: float) -> None:
        super().__init__(dim, n_heads, nn.GELU())
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, visible: Tensor, cache: Tensor | None = None) -> Tensor:
        """Activations of all positions at once.

        Args:
            x: (N, T, dim).
            visible: (T, T), True where a query, by row, sees a key.
            cache: (2, T' >= T, N, heads, dim / heads), whose first T places are filled with the
                keys and values.
        """
        n, t, dim = x.shape
        qkv = self.qkv(self.norm_1(x)).view(n, t, 3, self.n_heads, dim // self.n_heads)
        if cache is not None:
            cache[:, :t] = qkv[:, :, 1:].permute(2, 1, 0, 3, 4)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (N, heads, T, dim / heads)
        attended = scaled_dot_product_attention(q, k, v, attn_mask=visible)
        return self._finish(x, attended.transpose(1, 2).reshape(n, t, dim))

    def extend(self, x: Tensor, position: int, seen: Tensor, cache: Tensor) -> Tensor:
        """Activations (N, dim) of the next position, which sees the places ``seen`` of the cache.

        Its own keys and values are put in the cache first.
        """
        n, dim = x.shape
        qkv = self.qkv(self.norm_1(x)).view(n, 3, self.n_heads, dim // self.n_heads)
        cache[:, position] = qkv[:, 1:].transpose(0, 1)
        k, v = cache[0].index_select(0, seen), cache[1].index_select(0, seen)
        scores = (k * qkv[:, 0]).sum(3) * (dim // self.n_heads) ** -0.5  # (seen, N, heads)
        attended = (scores.softmax(0)[..., None] * v).sum(0)
        return self._finish(x, attended.reshape(n, dim))

    def _finish(self, x: Tensor, attended: Tensor) -> Tensor:
        x = x + self.dropout(self.out(attended))
        perceptron: Tensor = self.dropout(self.mlp(self.norm_2(x)))
        return x + perceptron


class TextImageTransformer(nn.Module):
    """Logits of every next token of a text followed by a square of image tokens in raster order.

    A learned start vector stands in front of the text, so that its first token has a loss too.

    Args:
        n_text_tokens: words, and the pads of all positions.
        text_length: tokens of a text (T).
        n_image_tokens: size of the codebook (K).
        grid: image tokens in a row and in a column.
        dim: width of the residual stream.
        n_layers: blocks.
        n_heads: attention heads; divides ``dim``.
        dropout: of embeddings and of every residual.
    """

    visible: Tensor

    def __init__(
        self,
        n_text_tokens: int,
        text_length: int,
        n_image_tokens: int,
        grid: int,
        dim: int,
        n_layers: int,
        n_heads: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.text_length = text_length
        self.n_heads = n_heads
        self.n_image_positions = grid**2
        self.start = nn.Parameter(torch.zeros(dim))
        self.text_embedding = nn.Embedding(n_text_tokens, dim)
        self.text_position = nn.Parameter(torch.zeros(text_length, dim))
        self.image_embedding = nn.Embedding(n_image_tokens, dim)
        self.row = nn.Parameter(torch.zeros(grid, dim))
        self.column = nn.Parameter(torch.zeros(grid, dim))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(MaskedBlock(dim, n_heads, dropout) for _ in range(n_layers))
        self.norm = nn.LayerNorm(dim)
        self.text_head = nn.Linear(dim, n_text_tokens)
        self.image_head = nn.Linear(dim, n_image_tokens)
        embeddings = (self.text_embedding.weight, self.image_embedding.weight)
        for parameter in (*embeddings, self.start, self.text_position, self.row, self.column):
            nn.init.normal_(parameter, 0.0, 0.02)
        length = text_length + grid**2
        masks = torch.zeros(n_layers, length, length, dtype=torch.bool)
        for mask, pattern in zip(masks, layer_patterns(n_layers), strict=True):
            mask.copy_(visibility(pattern, text_length, grid))
        self.register_buffer("visible", masks, persistent=False)  # (layers, query, key)

    def forward(self, text: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the text (N, T, words and pads) and of the image (N, h w, K).

        Args:
            text: (N, T) tokens with pads.
            image: (N, h w) codes in raster order; the last one is looked at by no logit.
        """
        x = torch.cat([self._embed_text(text), self._embed_image(image[:, :-1])], 1)
        x = self.dropout(x)
        for block, visible in zip(self.blocks, self.visible, strict=True):
            x = block(x, visible)
        x = self.norm(x)
        return self.text_head(x[:, : self.text_length]), self.image_head(x[:, self.text_length :])

    def _embed_text(self, text: Tensor) -> Tensor:
        """The start and the text, (N, 1 + T, dim)."""
        embedded = self.text_embedding(text) + self.text_position
        return torch.cat([self.start.expand(len(text), 1, -1), embedded], 1)

    def _embed_image(self, image: Tensor) -> Tensor:
        """The first codes of an image, (N, n <= h w) to (N, n, dim)."""
        place = (self.row[:, None] + self.column).flatten(0, 1)  # (h w, dim)
        embedded: Tensor = self.image_embedding(image) + place[: image.shape[1]]
        return embedded

    @torch.no_grad()
    def generate(self, text: Tensor, uniforms: Tensor) -> Tensor:
        """Codes drawn one by one at temperature 1, by inverting each conditional distribution.

        Args:
            text: (N, T) tokens with pads.
            uniforms: (N, h w) in [0, 1), one number per code.

        Returns:
            Codes (N, h w), int64; row i depends on row i of the arguments alone.
        """
        codes = torch.empty(uniforms.shape, dtype=torch.int64, device=text.device)
        for place, logits in self.cached_logits(text, codes):
            cumulative = logits.softmax(1).cumsum(1)
            below = (cumulative <= uniforms[:, place, None]).sum(1)
            # rounding may leave the last sum below 1
            codes[:, place] = below.clamp_max(logits.shape[1] - 1)
        return codes

    @torch.no_grad()
    def cached_logits(self, text: Tensor, codes: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Yields every place of the image with its logits (N, K), which see ``codes`` before it.

        ``codes`` (N, h w) may be filled while this runs. Call in evaluation mode.
        """
        n, first = len(text), self.text_length + 1
        caches = self._empty_caches(n)
        x = self._embed_text(text)
        for block, visible, cache in zip(self.blocks, self.visible, caches, strict=True):
            x = block(x, visible[:first, :first], cache)
        state = x[:, -1]
        places = (self.row[:, None] + self.column).flatten(0, 1)
        blocks = [block for block in self.blocks if isinstance(block, MaskedBlock)]
        seen = [[row.nonzero().flatten() for row in visible] for visible in self.visible]
        for place in range(self.n_image_positions):
            yield place, self.image_head(self.norm(state))
            if place + 1 == self.n_image_positions:
                return
            position = first + place
            state = self.image_embedding(codes[:, place]) + places[place]
            for index, block in enumerate(blocks):
                state = block.extend(state, position, seen[index][position], caches[index])

    def _empty_caches(self, n: int) -> Tensor:
        """Caches (layers, keys and values, positions, N, heads, dim / heads), once per batch."""
        head_dim = len(self.start) // self.n_heads
        length = self.text_length + self.n_image_positions
        return self.start.new_empty((len(self.blocks), 2, length, n, self.n_heads, head_dim))
