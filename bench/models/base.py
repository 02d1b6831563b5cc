"""The contract between an algorithm and the harness, and the settings that every recipe has.

An algorithm is a ``GenerativeModel`` whose constructor takes a ``Recipe`` of its own. The training
loop owns budget, learning-rate schedule, weight averaging, checkpoints and the divergence guard; a
model never sees them. What a model can do beyond sampling it shows by having the method:
``reconstruct``, ``encode`` and ``decode``, ``after_training``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.models.noise import ImageNoise
from bench.networks.shape import ImageShape

Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]


class Settings(BaseModel):
    """Typed settings of a recipe: frozen, and strict about keys and types."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class AdamSettings(Settings):
    """Adam (Kingma and Ba 2015, 1412.6980)."""

    lr: PositiveFloat = 1.0e-3
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    weight_decay: NonNegativeFloat = 0.0


class Recipe(Settings):
    """What every algorithm can be told.

    Attributes:
        batch_size: real images per network pass.
        optimizer: of every network, unless the algorithm names further ones.
        lr_schedule: ``linear`` falls from ``lr`` to zero over the budget.
        ema_decay: 0 for none, else the decay of the averaged weights that are scored as well.
    """

    batch_size: PositiveInt = 64
    optimizer: AdamSettings = AdamSettings()
    lr_schedule: Literal["constant", "linear"] = "constant"
    ema_decay: Fraction = 0.0


class Batch(NamedTuple):
    """The real images of an update, and their classes.

    Attributes:
        images: (N, C, H, W) in -1 .. 1.
        labels: one class per image, (N,) int64.
    """

    images: Tensor
    labels: Tensor


@dataclass(frozen=True)
class StepContext:
    """What an update may depend on besides its images.

    Attributes:
        step: updates done before this one.
        n_steps: the whole budget.
        n_train: images in the training split.
    """

    step: int
    n_steps: int
    n_train: int


class GenerativeModel(nn.Module, ABC):
    """A model that learns by ``step`` and draws by ``sample``.

    Attributes:
        recipe_type: the settings that the constructor takes.
        recipe: the settings it was built with.
        samplers: names of its own ways to sample; the first is what ``sample`` does.
        latent_dim: normal draws per image that ``sample`` takes from the noise, 0 if none.
        batches_per_step: batches of real images that one ``step`` consumes.
        conditional: whether ``sample`` needs ``labels``, and draws the class that each asks for.
        frozen: names of optimisers that never move a weight: of a method that is shown to fail, by
            construction. The conformance tests hold a model to it, bit for bit.
    """

    recipe_type: ClassVar[type[Recipe]]
    samplers: ClassVar[tuple[str, ...]] = ("prior",)
    latent_dim: int
    batches_per_step: int = 1
    conditional: bool = False
    frozen: frozenset[str] = frozenset()

    def __init__(self, recipe: Recipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__()
        self.recipe = recipe
        self.shape = shape
        self.n_classes = n_classes

    @abstractmethod
    def optimizers(self) -> dict[str, Optimizer]:
        """Every optimiser by name, the same objects on every call."""

    @abstractmethod
    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """One full update of everything that learns.

        Args:
            batch: batches_per_step * batch_size images.
            ctx: where in the budget this update stands.

        Returns:
            Scalars to log, left on the device.
        """

    @abstractmethod
    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """One image per stream of ``noise``, (N, C, H, W) in -1 .. 1; call in ``eval`` mode."""

    @abstractmethod
    def sampling_modules(self) -> dict[str, nn.Module]:
        """The networks that ``sample`` uses: these are averaged, and counted as its size."""


@runtime_checkable
class LatentModel(Protocol):
    """A model with vector latents, to which a density can be fitted after training."""

    def encode(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in -1 .. 1 to latents (N, D), posterior means where there are any."""

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (N, D) to images (N, C, H, W) in -1 .. 1."""


@runtime_checkable
class Reconstructs(Protocol):
    """A model that can pass an image through itself."""

    def reconstruct(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in -1 .. 1 to their reconstructions."""


@runtime_checkable
class FitsAfterTraining(Protocol):
    """A model whose own sampler is fitted once, to the training images, when training is over."""

    def after_training(self, images: Tensor) -> None:
        """Fit whatever is fitted ex post; ``images`` (N, C, H, W) in -1 .. 1, the whole split."""


def adam(parameters: list[nn.Parameter], settings: AdamSettings) -> torch.optim.Adam:
    """Adam in its fused form, which is the fastest on a CPU and on a GPU."""
    return torch.optim.Adam(
        parameters,
        lr=settings.lr,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
        fused=True,
    )


def descend(loss: Tensor, optimizer: Optimizer) -> None:
    """One step of an optimiser down the gradient of ``loss``."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


@contextmanager
def without_weight_gradients(network: nn.Module) -> Iterator[None]:
    """Within it a network passes gradients to its input, and spares those of its weights."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
