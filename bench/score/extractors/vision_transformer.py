"""The vision transformer of DINOv2 (Oquab et al. 2023, 2304.07193), with the names of its weights.

It is that of Dosovitskiy et al. 2020 (2010.11929, section 3.1) with layers that scale the branches
(Touvron et al. 2021, 2103.17239, eq. 6). Positions that were learned on another grid of patches are
interpolated, by a factor that is a little too large, as its authors do.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEAD_WIDTH = 64
EPSILON = 1e-6
OFFSET = 0.1
"""Added to the size of the grid before the factor is taken."""


class Attention(nn.Module):
    """Self-attention between the tokens of an image."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.n_heads = width // HEAD_WIDTH
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, width) to (B, T, width)."""
        parts = self.qkv(tokens).unflatten(2, (3, self.n_heads, HEAD_WIDTH))
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each (B, heads, T, 64)
        mixed = F.scaled_dot_product_attention(query, key, value)
        projected: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return projected


class Scale(nn.Module):
    """Each channel times a learned factor."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, width) to (B, T, width)."""
        return tokens * self.gamma


class Layer(nn.Module):
    """Attention and two linear layers, each normalised before, scaled and added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=EPSILON)
        self.attn = Attention(width)
        self.ls1 = Scale(width)
        self.norm2 = nn.LayerNorm(width, eps=EPSILON)
        wide, narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.mlp = nn.Sequential(OrderedDict(fc1=wide, act=nn.GELU(), fc2=narrow))
        self.ls2 = Scale(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, width) to (B, T, width)."""
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        summed: Tensor = tokens + self.ls2(self.mlp(self.norm2(tokens)))
        return summed


class VisionTransformer(nn.Module):
    """(B, 3, H, W) normalised images, H and W multiples of the patch, to the class token."""

    def __init__(self, width: int, depth: int, patch: int, n_positions: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, n_positions, width))
        self.mask_token = nn.Parameter(torch.zeros(1, width))  # of its training alone
        proj = nn.Conv2d(3, width, patch, patch)
        self.patch_embed = nn.Sequential(OrderedDict(proj=proj))
        self.blocks = nn.Sequential(*(Layer(width) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=EPSILON)

    @classmethod
    def of(cls, state: dict[str, Tensor]) -> VisionTransformer:
        """The network that some weights are of, holding them.

        Raises:
            KeyError, RuntimeError: they are of no such network.
        """
        width, _, patch, _ = state["patch_embed.proj.weight"].shape
        depth = sum(name.endswith(".attn.qkv.weight") for name in state)
        network = cls(width, depth, patch, state["pos_embed"].shape[1])
        network.load_state_dict(state)
        return network

    def forward(self, images: Tensor) -> Tensor:
        """Class tokens (B, width)."""
        patches = self.patch_embed(images)  # (B, width, h, w)
        tokens = patches.flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls_token.expand(len(images), -1, -1), tokens], dim=1)
        tokens = self.blocks(tokens + self._positions(patches.shape[2], patches.shape[3]))
        normalised: Tensor = self.norm(tokens)
        return normalised[:, 0]

    def _positions(self, height: int, width: int) -> Tensor:
        """Positions (1, 1 + height * width, d) for a grid of another size than the learned one."""
        learned = self.pos_embed[:, 1:].float()
        size = round(learned.shape[1] ** 0.5)
        if (height, width) == (size, size):
            return self.pos_embed
        grid = learned.unflatten(1, (size, size)).permute(0, 3, 1, 2)
        factors = ((height + OFFSET) / size, (width + OFFSET) / size)
        resized = F.interpolate(grid, scale_factor=factors, mode="bicubic")
        return torch.cat([self.pos_embed[:, :1], resized.flatten(2).transpose(1, 2)], dim=1)
