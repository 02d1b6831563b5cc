"""Terms of VQGAN (Esser et al. 2020, 2012.09841): distances of features, and the balance of two."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize


def feature_distance(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    """Squared distance of unit feature vectors, mean over places, images and layers.

    The form of LPIPS (Zhang et al. 2018, 1801.03924, eq. 1) without learned weights.

    Args:
        first: activations (N, D, h, w) of each layer.
        second: activations of the other images.
    """
    distances = [
        (normalize(a, dim=1) - normalize(b, dim=1)).square().sum(1).mean()
        for a, b in zip(first, second, strict=True)
    ]
    return torch.stack(distances).mean()


def adaptive_weight(
    reconstruction: Tensor, adversarial: Tensor, weight: Tensor, largest: float = 1.0e4
) -> Tensor:
    """|d reconstruction / d weight| / (|d adversarial / d weight| + 1e-4), 2012.09841 eq. 7.

    Args:
        reconstruction: a scalar whose graph is kept.
        adversarial: another one.
        weight: the last layer of the decoder.
        largest: upper bound of the result.
    """
    (of_reconstruction,) = torch.autograd.grad(reconstruction, weight, retain_graph=True)
    (of_adversarial,) = torch.autograd.grad(adversarial, weight, retain_graph=True)
    ratio: Tensor = of_reconstruction.norm() / (of_adversarial.norm() + 1.0e-4)
    return ratio.clamp_max(largest).detach()
