"""Ways for a class to enter a generator or a critic of any backbone.

Labels reach the layers that need them through ``given``, not through arguments: within it a
conditional critic is a function of images alone, as losses and gradient penalties expect, and a
network without such layers is left as it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Self

import torch
from pydantic import NonNegativeFloat, model_validator
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrizations import spectral_norm

from bench.networks.critic import FeatureCritic, with_features
from bench.networks.norm import Norm
from bench.objectives.settings import Settings


class Conditioning(Settings):
    """How labels enter the networks; both see them, or neither does.

    Attributes:
        generator: one-hot beside the noise, or as gains and biases of batch normalisation.
        critic: one-hot planes beside the colours, inner product with features, or a classifier.
        weight: of the classifier's cross entropy in both losses.
    """

    generator: Literal["none", "concat", "batch-norm"] = "none"
    critic: Literal["none", "concat", "projection", "auxiliary"] = "none"
    weight: NonNegativeFloat = 1.0

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.generator == "none") != (self.critic == "none"):
            raise ValueError("a class must be known to the generator and to the critic")
        return self


class Conditioned(nn.Module):
    """A layer or network that depends on a condition, one row per image of the batch.

    Attributes:
        present: what ``given`` gives, None outside of it; never part of the model's state.
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


class JoinLabels(Conditioned):
    """Joins vectors (N, D) or images (N, C, H, W) with the label: K values, or K constant planes.

    A one-hot label as a further input is the conditioning of Mirza and Osindero 2014 (1411.1784).
    """

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.n_classes = n_classes

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs with ``n_classes`` more channels."""
        label = one_hot(self.condition, self.n_classes).to(inputs.dtype)
        label = label.view(*label.shape, *[1] * (inputs.dim() - 2))
        return torch.cat([inputs, label.expand(-1, -1, *inputs.shape[2:])], 1)


class ConditionalBatchNorm(Conditioned):
    """Batch normalisation with a gain and a bias for each class (Dumoulin et al., 1610.07629).

    Every class starts from the gain and the bias of the layer that this one replaces.
    """

    def __init__(self, layer: _BatchNorm, n_classes: int) -> None:
        super().__init__()
        self.normalise = type(layer)(layer.num_features, affine=False)
        self.gain = nn.Parameter(layer.weight.detach().repeat(n_classes, 1))  # (K, C)
        self.bias = nn.Parameter(layer.bias.detach().repeat(n_classes, 1))

    def forward(self, inputs: Tensor) -> Tensor:
        """Activations (N, C, ...) of the same shape."""
        shape = (*inputs.shape[:2], *[1] * (inputs.dim() - 2))
        gain, bias = self.gain[self.condition], self.bias[self.condition]
        normal: Tensor = self.normalise(inputs)
        return torch.addcmul(bias.view(shape), normal, gain.view(shape))


class ProjectionCritic(Conditioned):
    """psi(phi(x)) + <embed(y), phi(x)>, Miyato and Koyama 2018 (1802.05637), section 3.

    phi is everything below the critic's last layer, psi is that layer.
    """

    def __init__(self, critic: FeatureCritic, n_classes: int, norm: Norm) -> None:
        super().__init__()
        self.critic = critic
        self.embedding = nn.Embedding(n_classes, critic.n_features)
        nn.init.normal_(self.embedding.weight, 0.0, 0.02)
        if norm == "spectral":
            spectral_norm(self.embedding)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to raw scores (N,) for the classes given."""
        features = self.critic.features(images)
        embedded: Tensor = self.embedding(self.condition)  # (N, n_features)
        return self.critic.head(features) + (embedded * features).sum(1)


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
        """What both networks minimise beside their own losses: a weighted mean over images."""


class AuxiliaryCritic(TwoHeadedCritic):
    """A critic that also classifies: the -L_C of Odena et al. 2017 (1610.09585), eq. 3.

    Both networks minimise it: the critic on real and fake images, the generator on its own.

    Args:
        weight: of the classification in both losses; 1 in the paper.
    """

    def __init__(self, critic: FeatureCritic, n_classes: int, norm: Norm, weight: float) -> None:
        super().__init__(critic)
        self.weight = weight
        self.classifier = nn.Linear(critic.n_features, n_classes)
        nn.init.normal_(self.classifier.weight, 0.0, 0.02)
        nn.init.zeros_(self.classifier.bias)
        if norm == "spectral":
            spectral_norm(self.classifier)

    def reading_loss(self, features: Tensor, *, fake: bool) -> Tensor:  # noqa: ARG002
        """Cross entropy, in nats before weighting, of the class that each image has or should."""
        return self.weight * cross_entropy(self.classifier(features), self.condition)


def conditional_generator(
    chosen: Conditioning, make: Callable[[int], nn.Module], n_classes: int
) -> nn.Module:
    """A generator that sees labels as chosen.

    Args:
        chosen: how labels enter, if at all.
        make: from the number of inputs that labels add to an unconditional generator.
        n_classes: of the data set.
    """
    if chosen.generator == "concat":
        return nn.Sequential(JoinLabels(n_classes), make(n_classes))
    generator = make(0)
    if chosen.generator == "batch-norm":
        _replace_batch_norm(generator, n_classes)
    return generator


def conditional_critic(
    chosen: Conditioning, make: Callable[[int], nn.Module], n_classes: int, norm: Norm
) -> nn.Module:
    """A critic that sees labels as chosen.

    Args:
        chosen: how labels enter, if at all.
        make: from the number of image channels that labels add to an unconditional critic.
        n_classes: of the data set.
        norm: the critic's; spectral normalisation extends to the heads that are added.
    """
    if chosen.critic == "concat":
        return nn.Sequential(JoinLabels(n_classes), make(n_classes))
    if chosen.critic == "projection":
        return ProjectionCritic(with_features(make(0)), n_classes, norm)
    if chosen.critic == "auxiliary":
        return AuxiliaryCritic(with_features(make(0)), n_classes, norm, chosen.weight)
    return make(0)


def _replace_batch_norm(network: nn.Module, n_classes: int) -> None:
    for name, module in list(network.named_modules()):
        if isinstance(module, _BatchNorm):
            network.set_submodule(name, ConditionalBatchNorm(module, n_classes))
