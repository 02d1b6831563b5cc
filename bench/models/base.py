"""The contract between an algorithm and the harness, and the settings that every recipe has.

An algorithm is a ``GenerativeModel`` whose constructor takes a ``Recipe`` of its own. The training
loop owns budget, learning-rate schedule, weight averaging, checkpoints and the divergence guard; a
model never sees them. What a model can do beyond sampling it shows by having the method: the
protocols below name them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from bench.identity.settings import Fraction, Settings
from bench.models.noise import ImageNoise
from bench.networks.shape import ImageShape


class AdamSettings(Settings):
    """Adam (Kingma and Ba 2015, 1412.6980)."""

    lr: PositiveFloat = 1.0e-3
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    weight_decay: NonNegativeFloat = 0.0


class Recipe(Settings):
    """Settings that every algorithm has.

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
    """Facts that an update may depend on besides its images.

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
        samplers: names of the ways to sample; the first is that of ``sample``.
        sampled_from: names of the submodules that ``sample`` uses.
        latent_dim: normal draws per image that ``sample`` takes from the noise, 0 if none.
        batches_per_step: batches of real images that one ``step`` consumes.
        conditional: whether ``sample`` needs ``labels``, and draws the class that each asks for.
        frozen: names of optimisers that never move a weight, for methods kept to show that they
            fail; the conformance tests check it bit for bit.
    """

    recipe_type: ClassVar[type[Recipe]]
    samplers: ClassVar[tuple[str, ...]] = ("prior",)
    sampled_from: ClassVar[tuple[str, ...]]
    latent_dim: int
    batches_per_step: int = 1
    conditional: bool = False
    frozen: frozenset[str] = frozenset()
    _optimizers: dict[str, Optimizer]

    def __init__(self, recipe: Recipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__()
        self.recipe = recipe
        self.shape = shape
        self.n_classes = n_classes

    def optimizers(self) -> dict[str, Optimizer]:
        """Every optimiser by name, the same objects on every call."""
        return dict(self._optimizers)

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

    def sampling_modules(self) -> dict[str, nn.Module]:
        """The networks that ``sample`` uses: these are averaged, and counted as its size."""
        return {name: self.get_submodule(name) for name in self.sampled_from}


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
        """Fit the sampler; ``images`` (N, C, H, W) in -1 .. 1 are the whole training split."""


@runtime_checkable
class MeasuresItself(Protocol):
    """A model that knows numbers which its images alone do not show."""

    def measure(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Numbers by name, such as ``bits_per_dim``, in evaluation mode.

        Args:
            images: (N, C, H, W) in -1 .. 1, which no training saw.
            labels: one class per image.
        """


@runtime_checkable
class HasNamedSamplers(Protocol):
    """A model with several samplers of its own, which ``samplers`` names."""

    def sample_as(self, sampler: str, noise: ImageNoise, labels: Tensor) -> Tensor:
        """One image per stream of ``noise``, (N, C, H, W) in -1 .. 1, drawn by one sampler."""

    def asked(self, sampler: str, labels: Tensor) -> Tensor:
        """Classes (N,) that a sampler's images are asked to show, given the usual labels (N,)."""


@runtime_checkable
class TakesPrompts(Protocol):
    """A model that draws what a text says."""

    def generate(self, prompt: str, noise: ImageNoise) -> Tensor:
        """One image per stream of ``noise``, (N, C, H, W) in -1 .. 1.

        Raises:
            UnknownWord: a word of the prompt is not in the model's vocabulary.
        """


def adam(
    settings: AdamSettings, *networks: nn.Module, kind: type[torch.optim.Adam] = torch.optim.Adam
) -> Optimizer:
    """Adam of all weights of some networks, in its fused form: the fastest on a CPU and a GPU.

    Args:
        settings: learning rate, betas and weight decay.
        networks: in an order that is part of a checkpoint.
        kind: ``torch.optim.AdamW`` for decoupled weight decay.
    """
    return kind(
        [weight for network in networks for weight in network.parameters()],
        lr=settings.lr,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
        fused=True,
    )


def descend(loss: Tensor, optimizer: Optimizer, clip: float | None = None) -> None:
    """One step of an optimiser down the gradient of ``loss``.

    Args:
        loss: a scalar.
        optimizer: moves its own weights only.
        clip: largest norm of the gradient of all its weights together, or None for any.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if clip is not None:
        clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], clip)
    optimizer.step()


@contextmanager
def at_rate(optimizer: Optimizer, factor: float) -> Iterator[None]:
    """Context in which the optimiser's learning rates are multiplied by ``factor``."""
    usual = [group["lr"] for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] *= factor
    try:
        yield
    finally:
        for group, lr in zip(optimizer.param_groups, usual, strict=True):
            group["lr"] = lr


def detached(**losses: Tensor) -> dict[str, Tensor]:
    """Losses by name without their graphs, as ``step`` returns them."""
    return {name: loss.detach() for name, loss in losses.items()}


@contextmanager
def without_weight_gradients(network: nn.Module) -> Iterator[None]:
    """Context in which a network passes gradients to its input and gives its weights none."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
