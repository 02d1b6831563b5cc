"""Which earlier positions a query sees: DALL-E's row, column and convolutional attention.

Positions are a start, T text tokens and the h x h image tokens but the last; 2102.12092, figure 11.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Pattern = Literal["row", "column", "convolution"]

REACH = 2
"""Rows and columns to each side in a convolutional layer: 5 x 5, where the paper has 11 x 11."""


def layer_patterns(n_layers: int) -> list[Pattern]:
    """Row, column, row, row, row, column, ... and a convolution in the last layer; section 2.2."""
    patterns: list[Pattern] = ["column" if i % 4 == 1 else "row" for i in range(n_layers)]
    patterns[-1:] = ["convolution"]
    return patterns


def visibility(pattern: Pattern, text_length: int, grid: int) -> Tensor:
    """(L, L) bool with L = T + h h, True where a query, by row, sees a key.

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
