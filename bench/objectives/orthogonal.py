"""Orthogonal regularisation as BigGAN relaxes it (Brock et al. 2018, 1809.11096, eq. 3)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def off_diagonal_gram(weight: Tensor) -> Tensor:
    """||W W' o (1 - I)||^2: zero where the filters are orthogonal, whatever their lengths.

    Args:
        weight: (n_out, ...), one filter per row.
    """
    filters = weight.flatten(1)
    gram = filters @ filters.T
    return (gram - torch.diag(gram.diagonal())).square().sum()


def orthogonal_penalty(weights: Iterable[Tensor]) -> Tensor:
    """The sum of ``off_diagonal_gram`` over weight tensors."""
    return torch.stack([off_diagonal_gram(weight) for weight in weights]).sum()
