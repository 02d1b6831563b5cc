"""Adversarial losses on raw critic scores; every function returns the mean over the batch.

``real`` = D(x) and ``fake`` = D(G(z)) are raw scores (N,), never probabilities: sigmoids, where a
paper has them, are folded into ``softplus`` so that gradients survive saturation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, sigmoid
from torch.nn.functional import relu, softplus


def non_saturating_d_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-log s(D(x)) - log(1 - s(D(G(z)))), Goodfellow et al. 2014 (1406.2661), eq. 1."""
    return softplus(-real).mean() + softplus(fake).mean()


def non_saturating_g_loss(fake: Tensor) -> Tensor:
    """-log s(D(G(z))), the alternative of Goodfellow et al. 2014 (1406.2661), section 3."""
    return softplus(-fake).mean()


def minimax_g_loss(fake: Tensor) -> Tensor:
    """log(1 - s(D(G(z)))), the saturating original of Goodfellow et al. 2014 (1406.2661), eq. 1."""
    return -softplus(fake).mean()


def least_squares_d_loss(real: Tensor, fake: Tensor) -> Tensor:
    """1/2 (D(x) - 1)^2 + 1/2 D(G(z))^2, Mao et al. 2017 (1611.04076), eq. 9 with a=0, b=1."""
    return 0.5 * (real - 1.0).square().mean() + 0.5 * fake.square().mean()


def least_squares_g_loss(fake: Tensor) -> Tensor:
    """1/2 (D(G(z)) - 1)^2, Mao et al. 2017 (1611.04076), eq. 9 with c=1."""
    return 0.5 * (fake - 1.0).square().mean()


def hinge_d_loss(real: Tensor, fake: Tensor) -> Tensor:
    """max(0, 1 - D(x)) + max(0, 1 + D(G(z))), Lim and Ye 2017 (1705.02894)."""
    return relu(1.0 - real).mean() + relu(1.0 + fake).mean()


def wasserstein_d_loss(real: Tensor, fake: Tensor) -> Tensor:
    """D(G(z)) - D(x), the negated dual of Arjovsky et al. 2017 (1701.07875), eq. 2."""
    return fake.mean() - real.mean()


def wasserstein_g_loss(fake: Tensor) -> Tensor:
    """-D(G(z)), Arjovsky et al. 2017 (1701.07875), algorithm 1; also used with the hinge loss."""
    return -fake.mean()


def relativistic_d_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-log s(D(x) - D(G(z))) over index-aligned pairs, Jolicoeur-Martineau 2018 (1807.00734)."""
    return softplus(fake - real).mean()


def relativistic_g_loss(fake: Tensor, real: Tensor) -> Tensor:
    """-log s(D(G(z)) - D(x)) over index-aligned pairs, Jolicoeur-Martineau 2018 (1807.00734)."""
    return softplus(real - fake).mean()


def article_d_loss(real: Tensor, fake: Tensor) -> Tensor:
    """s(D(x)) + s(D(G(z))), as the catalogue's article prints it: wrong, see its erratum K-16."""
    return sigmoid(real).mean() + sigmoid(fake).mean()


def article_g_loss(fake: Tensor) -> Tensor:
    """s(D(G(z))), as the catalogue's article prints it: of the wrong sign, see erratum K-14."""
    return sigmoid(fake).mean()


def soft_mean(losses: Tensor, sharpness: float) -> Tensor:
    """Weighted mean of a generator's losses (K,), a scalar between their mean and the largest.

    The soft arithmetic mean of Durugkar et al. 2016 (1611.01673): weights proportional to
    exp(lambda L_i), so lambda 0 gives the mean, infinity the largest. As in the authors' program,
    the weights carry gradients too.
    """
    return ((sharpness * losses).softmax(0) * losses).sum()


def printed_d_loss(real: Tensor, fake: Tensor) -> Tensor:
    """s(D(G(z))) - s(D(x)), the negative of the value in section 4.1 of the catalogue's article.

    L = E[D(x)] - E[D(G(z))] with D a sigmoid: no logarithms and no 1 - D (its erratum E-04). The
    critic maximises it and the generator minimises it, which the article does not say. It is the
    Wasserstein loss of a critic that is squashed into 0 .. 1, which alone bounds its slope.
    """
    return sigmoid(fake).mean() - sigmoid(real).mean()


def printed_g_loss(fake: Tensor) -> Tensor:
    """-s(D(G(z))), the generator's part of L in ``printed_d_loss``; gradients fade if D is sure."""
    return -sigmoid(fake).mean()


@dataclass(frozen=True)
class AdversarialLoss:
    """Loss functions of the critic and of the generator.

    Attributes:
        critic: (real, fake) -> scalar.
        generator: (fake) -> scalar, or None where it needs the real scores too.
        paired_generator: (fake, real) -> scalar, for relativistic losses.
    """

    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor] | None = None
    paired_generator: Callable[[Tensor, Tensor], Tensor] | None = None

    def unpaired_generator(self, fake: Tensor) -> Tensor:
        """The generator's loss from the scores of fakes alone.

        Raises:
            TypeError: it needs the real scores too.
        """
        if self.generator is None:
            raise TypeError("this loss compares pairs of scores")
        return self.generator(fake)


LOSSES = {
    "non-saturating": AdversarialLoss(non_saturating_d_loss, non_saturating_g_loss),
    "minimax": AdversarialLoss(non_saturating_d_loss, minimax_g_loss),
    "least-squares": AdversarialLoss(least_squares_d_loss, least_squares_g_loss),
    "hinge": AdversarialLoss(hinge_d_loss, wasserstein_g_loss),
    "wasserstein": AdversarialLoss(wasserstein_d_loss, wasserstein_g_loss),
    "relativistic": AdversarialLoss(relativistic_d_loss, paired_generator=relativistic_g_loss),
    "article": AdversarialLoss(article_d_loss, article_g_loss),
}
"""Losses by the name in a recipe's ``loss``."""

PRINTED = AdversarialLoss(printed_d_loss, printed_g_loss)
"""Losses that the article prints; only its own algorithm uses them, so they have no name here."""
