"""Ways for a class to enter a generator or a critic of any backbone.

The networks know the classes within ``bench.networks.parts.given``.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrizations import spectral_norm

from bench.networks.parts import Conditioned, FeatureCritic, Norm, TwoHeadedCritic, with_features


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
        """Cross entropy, in nats before weighting, of each image's real or requested class."""
        return self.weight * cross_entropy(self.classifier(features), self.condition)


Make = Callable[[int], nn.Module]
"""Builder of an unconditional network, given the number of inputs or channels that labels add."""


def with_label_inputs(make: Make, n_classes: int) -> nn.Module:
    """A generator with one-hot labels beside its noise."""
    return nn.Sequential(JoinLabels(n_classes), make(n_classes))


def with_class_batch_norm(make: Make, n_classes: int) -> nn.Module:
    """A generator whose batch normalisations have gains and biases of each class."""
    generator = make(0)
    for name, module in list(generator.named_modules()):
        if isinstance(module, _BatchNorm):
            generator.set_submodule(name, ConditionalBatchNorm(module, n_classes))
    return generator


def with_label_planes(make: Make, n_classes: int, norm: Norm, weight: float) -> nn.Module:  # noqa: ARG001
    """A critic with one-hot planes beside an image's colours."""
    return with_label_inputs(make, n_classes)


def with_projection(make: Make, n_classes: int, norm: Norm, weight: float) -> nn.Module:  # noqa: ARG001
    """A critic with an inner product of features and the class's embedding."""
    return ProjectionCritic(with_features(make(0)), n_classes, norm)


def with_classifier(make: Make, n_classes: int, norm: Norm, weight: float) -> nn.Module:
    """A critic with a classifier, whose cross entropy has a weight in both losses."""
    return AuxiliaryCritic(with_features(make(0)), n_classes, norm, weight)
