"""Building blocks of backbones and of the networks around them.

Labels and codes reach the layers that need them through ``given``, not through arguments: within it
a conditional critic is a function of images alone, as losses and gradient penalties expect, and a
network without such layers is left as it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrizations import spectral_norm

Norm = Literal["none", "batch", "layer", "spectral"]


def norm_2d(norm: Norm, channels: int) -> nn.Module:
    """The activation normaliser of a convolutional layer; spectral norm acts on weights instead."""
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "layer":
        return nn.GroupNorm(1, channels)
    return nn.Identity()


def norm_1d(norm: Norm, features: int) -> nn.Module:
    """The activation normaliser of a fully connected layer."""
    if norm == "batch":
        return nn.BatchNorm1d(features)
    if norm == "layer":
        return nn.LayerNorm(features)
    return nn.Identity()


def with_weight_norm(norm: Norm, network: nn.Module) -> nn.Module:
    """Spectral normalisation of every weight matrix, if asked for (Miyato et al., 1802.05957)."""
    if norm == "spectral":
        for module in list(network.modules()):  # parametrising adds modules
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                spectral_norm(module)
    return network


@contextmanager
def frozen_batch_statistics(network: nn.Module) -> Iterator[None]:
    """Let batch normalisation use batch statistics without moving its running averages."""
    layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    for layer in layers:
        layer.track_running_stats = False
    buffers = [(layer.running_mean, layer.running_var) for layer in layers]
    for layer in layers:
        layer.running_mean = layer.running_var = None
    try:
        yield
    finally:
        for layer, (mean, variance) in zip(layers, buffers, strict=True):
            layer.running_mean, layer.running_var = mean, variance
            layer.track_running_stats = True


class Layered(nn.Module):
    """A network that is one sequence of layers."""

    layers: nn.Sequential

    def forward(self, inputs: Tensor) -> Tensor:
        """Pass inputs through all layers in order."""
        outputs: Tensor = self.layers(inputs)
        return outputs


class FeatureCritic(nn.Module, ABC):
    """A critic whose last layer is linear in features that can be asked for.

    Heads that see the class of an image, or a code, share everything below that layer.

    Attributes:
        n_features: length of an image's feature vector.
        last: the last layer, unless ``head`` says otherwise.
    """

    n_features: int
    last: nn.Module

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in -1 .. 1 to raw scores (N,)."""
        return self.head(self.features(images))

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to inputs of the last layer, (N, n_features)."""

    def head(self, features: Tensor) -> Tensor:
        """The last layer: features (N, n_features) to raw scores (N,)."""
        scores: Tensor = self.last(features)
        return scores.squeeze(1)


def with_features(critic: nn.Module) -> FeatureCritic:
    """The critic itself, once it is known to have features.

    Raises:
        TypeError: it has none, so that no head can be added to it.
    """
    if not isinstance(critic, FeatureCritic):
        raise TypeError("no second head goes with this critic: it has no features")
    return critic


class Conditioned(nn.Module):
    """A layer or network that depends on a condition, one row per image of the batch.

    Attributes:
        present: the condition within ``given``, None outside; never part of the model's state.
    """

    present: Tensor | None = None

    @property
    def condition(self) -> Tensor:
        """The condition, which must be there: classes (N,) for the layers of this module."""
        if self.present is None:
            raise ValueError("a conditional network was called without labels")
        return self.present


@contextmanager
def given(condition: Tensor | None, *networks: nn.Module) -> Iterator[None]:
    """Let the conditioned layers of some networks see ``condition``, one row per image."""
    modules = [module for network in networks for module in network.modules()]
    layers = [module for module in modules if isinstance(module, Conditioned)]
    before = [layer.present for layer in layers]
    for layer in layers:
        layer.present = condition
    try:
        yield
    finally:
        for layer, old in zip(layers, before, strict=True):
            layer.present = old


class TwoHeadedCritic(Conditioned, ABC):
    """A critic with a second head, which reads the condition from an image's features."""

    def __init__(self, critic: FeatureCritic) -> None:
        super().__init__()
        self.critic = critic

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to raw scores (N,), whatever their condition."""
        scores: Tensor = self.critic(images)
        return scores

    def judge(self, images: Tensor, *, fake: bool) -> tuple[Tensor, Tensor]:
        """Raw scores (N,) and the weighted loss of the second head, in one pass."""
        features = self.critic.features(images)
        return self.critic.head(features), self.reading_loss(features, fake=fake)

    @abstractmethod
    def reading_loss(self, features: Tensor, *, fake: bool) -> Tensor:
        """Weighted loss that both networks minimise beside their own, a mean over images."""
