"""What a backbone's critic offers to networks that look at more than its score.

Heads that see the class of an image, or a code, share everything below the last layer. A backbone
has them for free if its critic is a ``FeatureCritic``; the score itself needs only ``forward``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class FeatureCritic(nn.Module, ABC):
    """A critic whose last layer is linear in features that can be asked for.

    ``head(features(images))`` is ``forward(images)``.

    Attributes:
        n_features: length of an image's feature vector.
    """

    n_features: int

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to what the last layer sees, (N, n_features)."""

    @abstractmethod
    def head(self, features: Tensor) -> Tensor:
        """The last layer: features (N, n_features) to raw scores (N,)."""


def with_features(critic: nn.Module) -> FeatureCritic:
    """The critic itself, once it is known to have features.

    Raises:
        TypeError: it has none, so that no head can be added to it.
    """
    if not isinstance(critic, FeatureCritic):
        raise TypeError("no second head goes with this critic: it has no features")
    return critic
