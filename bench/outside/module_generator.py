"""Networks of ours and of users' plug-ins, with weights from elsewhere, that draw."""

from __future__ import annotations

from importlib import import_module

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from bench.models.base import GenerativeModel
from bench.models.noise import ImageNoise
from bench.outside.convention import Convention, StatedConvention, noise_values
from bench.outside.generator import LatentGenerator, Opening
from catalog.errors import InvalidInput
from catalog.rules.entries import PLUGIN_GROUP, is_allowed, is_built_in
from catalog.schema.loads import LabelForm


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


class NetworkGenerator:
    """Any network that is called with noise, and with classes where its convention says so.

    Args:
        network: on its device.
        n_classes: that one-hot classes have.
        convention: how it is called.
    """

    def __init__(self, network: nn.Module, n_classes: int, convention: Convention) -> None:
        self.network = network
        self.convention = convention
        self._latent = LatentGenerator(network, convention, n_classes)

    def draw(self, noise: ImageNoise, labels: Tensor | None) -> Tensor:
        """As ``OutsideGenerator.draw``."""
        set_mode(self.network, self.convention)
        return self._latent.draw(noise, labels)


def module_class(name: str) -> type[nn.Module]:
    """The class that an import string names: of this program, or of an installed plug-in.

    Raises:
        InvalidInput: it is of neither, so it was not imported, or there is no such network.
    """
    if not is_allowed(name):
        raise InvalidInput(
            f"'{name}' is of no installed plug-in, so it was not imported",
            hint=f"install its package with an entry point of the group {PLUGIN_GROUP}",
        )
    module, _, kind = name.partition(":")
    try:
        found = getattr(import_module(module), kind)
    except (ImportError, AttributeError) as error:
        raise InvalidInput(f"'{name}' does not exist", where=str(error)) from error
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise InvalidInput(f"'{name}' is no network: it is not a torch.nn.Module")
    return found


def told_by_layers(network: nn.Module, opening: Opening) -> StatedConvention:
    """The noise that a network takes, where its first layer says so.

    A fully connected layer takes a vector, of which one-hot classes may be a part; a transposed
    convolution a grid of one pixel.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear):
            joined = opening.stated.label_place == "joined"
            n_values = module.in_features - joined * opening.n_classes
            return StatedConvention(noise_shape=(n_values,)) if n_values > 0 else StatedConvention()
        if isinstance(module, nn.ConvTranspose2d):
            return StatedConvention(noise_shape=(module.in_channels, 1, 1))
        if isinstance(module, nn.Conv2d | nn.Embedding):
            break
    return StatedConvention()


def told_by(model: GenerativeModel) -> StatedConvention:
    """The convention of every model of this program; of a plug-in's, only what it takes."""
    labels: LabelForm = "index" if model.conditional else "none"
    noise_shape = (model.latent_dim,) if model.latent_dim else ()
    if not is_built_in(f"{type(model).__module__}:{type(model).__name__}"):
        return StatedConvention(noise_shape=noise_shape, labels=labels)
    return StatedConvention(
        noise_shape=noise_shape,
        range="-1..1",
        layout="NCHW",
        channels=1 if model.shape.channels == 1 else 3,
        resolution=model.shape.size,
        labels=labels,
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
