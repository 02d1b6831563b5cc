"""Flow matching along straight paths (Lipman et al. 2022, 2210.02747).

A network learns the velocity that carries noise at time 0 to data at time 1, by regression on the
velocities of single pairs of noise and image (eq. 23). Sampling solves the differential equation
with a fixed number of steps of a fixed rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import mse_loss

from bench.models.denoising import DenoisingModel, DenoisingRecipe
from bench.models.noise import ImageNoise
from bench.networks.shape import ImageShape
from bench.objectives.diffusion import on_the_path, path_velocity

TIME_RANGE = 1000.0
Solver = Literal["euler", "midpoint"]
Velocity = Callable[[Tensor, float], Tensor]


class FlowMatchingRecipe(DenoisingRecipe):
    """Settings of flow matching.

    Attributes:
        sigma_min: standard deviation around an image that its path ends at.
        solver: ``midpoint`` asks the network twice per step, ``euler`` once.
    """

    sampling_steps: int = Field(default=10, ge=1)
    sigma_min: float = Field(default=1.0e-4, ge=0.0, lt=1.0)
    solver: Solver = "midpoint"


class FlowMatching(DenoisingModel):
    """A velocity field, and images that are carried by it."""

    recipe_type = FlowMatchingRecipe

    def __init__(self, recipe: FlowMatchingRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.sigma_min = recipe.sigma_min
        self.solver = recipe.solver

    def loss(self, images: Tensor) -> Tensor:
        """Squared error of the velocity at one uniform time per image (eq. 23)."""
        time = torch.rand(len(images), device=images.device)
        noise = torch.randn(images.shape, device=images.device)
        present = on_the_path(noise, images, time.view(-1, 1, 1, 1), self.sigma_min)
        return mse_loss(
            self.network(present, TIME_RANGE * time), path_velocity(noise, images, self.sigma_min)
        )

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Noise carried from time 0 to time 1, clipped to -1 .. 1 at the end."""
        images = transported(
            lambda images, time: self.predict(images, TIME_RANGE * time),
            self.draw_noise(noise),
            self.sampling_steps,
            self.solver,
        )
        return images.clamp(-1.0, 1.0)


def transported(velocity: Velocity, points: Tensor, n_steps: int, solver: Solver) -> Tensor:
    """Points carried from time 0 to 1 in equal steps of the explicit Euler or midpoint rule."""
    length = 1.0 / n_steps
    for index in range(n_steps):
        time = index * length
        slope = velocity(points, time)
        if solver == "midpoint":
            slope = velocity(points + 0.5 * length * slope, time + 0.5 * length)
        points = points + length * slope
    return points
