"""A model of this program, with weights from elsewhere, as an ``OutsideGenerator``."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from bench.models.base import GenerativeModel
from bench.models.noise import ImageNoise
from bench.outside.convention import Convention, StatedConvention, noise_values


class ModelGenerator:
    """Draws by the model's own sampler; where it asks for normal draws, it gets the stated noise.

    Args:
        model: on its device.
        convention: its images are in -1 .. 1 unless their authors trained it otherwise.
    """

    def __init__(self, model: GenerativeModel, convention: Convention) -> None:
        self.model = model
        self.convention = convention

    def draw(self, noise: ImageNoise, labels: Tensor | None) -> Tensor:
        """As ``OutsideGenerator.draw``."""
        set_mode(self.model, self.convention)
        if self.convention.noise != "normal":
            noise = _StatedNoise(noise, self.convention)
        return self.model.sample(noise, labels)


def n_sampled_from(model: GenerativeModel) -> int:
    """Scalars in the networks that sampling needs."""
    modules = model.sampling_modules().values()
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def set_mode(network: nn.Module, convention: Convention) -> None:
    """Evaluation mode, but for batch normalisation where it shall use statistics of the batch.

    Its running statistics move then, which no image depends on.
    """
    network.eval()
    if convention.batch_norm == "train":
        for module in network.modules():
            if isinstance(module, _BatchNorm):
                module.train()


def told_by(model: GenerativeModel) -> StatedConvention:
    """The convention of every model of this program."""
    return StatedConvention(
        noise_shape=(model.latent_dim,) if model.latent_dim else (),
        range="-1..1",
        layout="NCHW",
        channels=1 if model.shape.channels == 1 else 3,
        resolution=model.shape.size,
        labels="index" if model.conditional else "none",
        label_place="after",
    )


class _StatedNoise(ImageNoise):
    """Another distribution in the place of normal draws, from the same streams."""

    def __init__(self, noise: ImageNoise, convention: Convention) -> None:
        self.device = noise.device
        self._noise = noise
        self._convention = convention

    def __len__(self) -> int:
        return len(self._noise)

    def normal(self, n_values: int) -> Tensor:
        """The next draws as the convention says, (N, n_values) float32."""
        return noise_values(self._noise, n_values, self._convention)

    def uniform(self, n_values: int) -> Tensor:
        """As the streams give them."""
        return self._noise.uniform(n_values)
