"""Relaxed categorical variables: their draws and their KL term.

The relaxation is the Gumbel-softmax (Jang et al. 2016, 1611.01144), which Maddison et al. 2016
(1611.00712) call the Concrete distribution. Logits have shape (..., K), one variable per row.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, one_hot


def kl_to_uniform(logits: Tensor) -> Tensor:
    """KL(softmax(logits) || uniform) in nats, summed over one image's variables, batch mean.

    Zero for equal logits, ln K per variable for certainty. This is the KL of the categorical
    variables themselves, as in 1611.01144, not that of the relaxed ones (1611.00712 eq. 20).

    Args:
        logits: (N, V, K).
    """
    log_q = log_softmax(logits, -1)
    negative_entropy = (log_q.exp() * log_q).sum(-1)  # (N, V)
    return (negative_entropy + math.log(logits.shape[-1])).sum(1).mean()


def relaxed_sample(logits: Tensor, temperature: float, uniforms: Tensor) -> Tensor:
    """softmax((logits + Gumbel noise) / temperature), 1611.01144 eq. 2.

    Its argmax is an exact draw from softmax(logits) at every temperature.

    Args:
        logits: (..., K).
        temperature: positive; towards zero the sample becomes one-hot.
        uniforms: draws from [0, 1) of the same shape.
    """
    tiny = torch.finfo(uniforms.dtype).tiny
    gumbel = -torch.log(-torch.log(uniforms.clamp_min(tiny)))
    return torch.softmax((logits + gumbel) / temperature, -1)


def hardened(relaxed: Tensor) -> Tensor:
    """One-hot at the largest entry, with the gradient of ``relaxed``; 1611.01144 section 2.2."""
    hard = one_hot(relaxed.argmax(-1), relaxed.shape[-1]).to(relaxed.dtype)
    return hard + (relaxed - relaxed.detach())
