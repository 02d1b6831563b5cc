"""The backbones that a recipe can name: pairs of a generator and a critic of one family.

Both are built for one image shape; ``width`` is the number of channels next to the pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from bench.networks import affine, began, biggan, dcgan, mlp, r3gan, resnet, sagan
from bench.networks.norm import Norm
from bench.networks.shape import ImageShape


class Backbone(NamedTuple):
    """How the two networks of a GAN are built.

    Attributes:
        generator: (shape, latent_dim, width, norm) to a network from (N, latent_dim) to images;
            None where it needs more than that, and its algorithm builds it.
        critic: (shape, width, norm) to a network from images to raw scores (N,).
    """

    generator: Callable[[ImageShape, int, int, Norm], nn.Module] | None
    critic: Callable[[ImageShape, int, Norm], nn.Module]


BACKBONES: dict[str, Backbone] = {
    "affine": Backbone(affine.Generator, affine.Critic),
    "began": Backbone(began.Generator, began.Critic),
    "biggan": Backbone(None, biggan.Critic),
    "dcgan": Backbone(dcgan.Generator, dcgan.Critic),
    "mlp": Backbone(mlp.Generator, mlp.Critic),
    "r3gan": Backbone(r3gan.Generator, r3gan.Critic),
    "resnet": Backbone(resnet.Generator, resnet.Critic),
    "sagan": Backbone(sagan.Generator, sagan.Critic),
}
"""By the name that a recipe's ``backbone`` gives."""
