"""Losses of reading a code from an image: the information terms of InfoGAN, negated.

Each is a bound's negative up to the entropy of the code, which is constant: minimising it raises
the bound on the mutual information of code and image (Chen et al. 2016, 1606.03657, eq. 5).
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy


def categorical_code_loss(logits: Tensor, codes: Tensor) -> Tensor:
    """-E log Q(c|x) in nats; log K minus it is the bound where all K categories are equally likely.

    Args:
        logits: (N, K).
        codes: the categories (N,) that the generator was given.
    """
    return cross_entropy(logits, codes)


def continuous_code_loss(means: Tensor, codes: Tensor) -> Tensor:
    """Mean square error over all codes: -E log Q(c|x) of a Gaussian with variance 1/2, shifted.

    Args:
        means: of Q, (N, D).
        codes: what the generator was given, (N, D).
    """
    return (means - codes).square().mean()
