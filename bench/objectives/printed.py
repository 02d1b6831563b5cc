"""The GAN loss that the catalogue's article prints in section 4.1, with the signs that it needs.

L = E[D(x)] - E[D(G(z))] with D a sigmoid: no logarithms and no 1 - D (erratum E-04). The critic
maximises it and the generator minimises it, which the article does not say. It is the Wasserstein
loss of a critic that is squashed into 0 .. 1, where nothing but the squashing bounds its slope.
"""

from __future__ import annotations

from torch import Tensor, sigmoid

from bench.objectives.adversarial import AdversarialLoss


def printed_d_loss(real: Tensor, fake: Tensor) -> Tensor:
    """s(D(G(z))) - s(D(x)) of raw scores (N,), the negative of what is printed."""
    return sigmoid(fake).mean() - sigmoid(real).mean()


def printed_g_loss(fake: Tensor) -> Tensor:
    """-s(D(G(z))) of raw scores (N,); its gradient fades where the critic is sure, either way."""
    return -sigmoid(fake).mean()


PRINTED = AdversarialLoss(printed_d_loss, printed_g_loss)
