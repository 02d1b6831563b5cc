"""A trained model with everything that sampling it needs, in memory and on disk.

Weights are safetensors: no code runs when they are loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor

from bench.data.captions.base import BadPrompt
from bench.data.dataset import ImageData, ImageSplit, to_unit_range
from bench.identity.protocol import ScoringProtocol
from bench.identity.spec import TrainSpec
from bench.models.base import (
    GenerativeModel,
    HasNamedSamplers,
    LatentModel,
    MeasuresItself,
    Reconstructs,
    TakesPrompts,
)
from bench.models.build import build_from_spec
from bench.models.noise import ImageNoise
from bench.records.record import Measures, RunSubject
from bench.records.run_directory import RunDirectory
from bench.records.weight_files import RecordedWeights, fitting
from bench.sample.draw import Draw, labels_of, reconstruct_images, sample_images
from bench.sample.image_sets import RECONSTRUCTION, sampler_names
from bench.sample.latent_density import N_COMPONENTS, LatentMixture, fit_mixture
from bench.sample.latent_density import SAMPLER as MIXTURE
from bench.train.ema import AveragedWeights
from catalog.errors import InvalidInput, UsageError
from catalog.files import write_atomically
from catalog.names import suggestion


@dataclass(frozen=True)
class TrainedModel:
    """A model in evaluation mode.

    Attributes:
        average: averaged weights, where the recipe asks for them.
        mixtures: ex-post densities by whether they were fitted to averaged weights.
    """

    spec: TrainSpec
    model: GenerativeModel
    average: AveragedWeights | None
    mixtures: Mapping[bool, LatentMixture]
    device: torch.device

    def sample(self, sampler: str, n: int, *, seed: int, ema: bool = False) -> Tensor:
        """Images 0 .. n - 1 of a sampler, (n, C, H, W) uint8.

        Raises:
            UsageError: the model has no such sampler, or no averaged weights.
            NonFiniteImages: a pixel is NaN or infinite.
        """
        names = [name for name in sampler_names(type(self.model)) if name != RECONSTRUCTION]
        if sampler not in names:
            near = suggestion(sampler, names)
            raise UsageError(
                f"{self.spec.variant} has no sampler '{sampler}'{near}",
                hint=f"it has: {', '.join(names)}",
            )
        with self._weights(ema=ema):
            draw = self._draw(sampler, ema=ema)
            return sample_images(draw, n, self.spec.dataset.n_classes, seed, self.device)

    def generate(self, prompt: str, n: int, *, seed: int, ema: bool = False) -> Tensor:
        """Images 0 .. n - 1 of what a text says, (n, C, H, W) uint8.

        Raises:
            UsageError: the model takes no prompts, or not this one, or it has no averaged weights.
            NonFiniteImages: a pixel is NaN or infinite.
        """
        model = self.model
        if not isinstance(model, TakesPrompts):
            raise UsageError(
                f"{self.spec.variant} takes no prompts", hint="draw from it by 'aigc bench sample'"
            )

        def draw(noise: ImageNoise, labels: Tensor) -> Tensor:  # noqa: ARG001
            return model.generate(prompt, noise)

        with self._weights(ema=ema):
            try:
                return sample_images(draw, n, self.spec.dataset.n_classes, seed, self.device)
            except BadPrompt as error:
                raise UsageError(str(error)) from error

    def labels(self, sampler: str, n: int) -> Tensor | None:
        """The classes that a conditional model's images 0 .. n - 1 were asked for, else None."""
        if not self.model.conditional or sampler not in self.model.samplers:
            return None
        labels = labels_of(range(n), self.spec.dataset.n_classes)
        if isinstance(self.model, HasNamedSamplers):
            return self.model.asked(sampler, labels)
        return labels

    def reconstruct(self, images: Tensor, *, ema: bool = False) -> Tensor:
        """Images (N, C, H, W) uint8 passed through the model, uint8 as well."""
        if not isinstance(self.model, Reconstructs):
            raise UsageError(f"{self.spec.variant} cannot reconstruct images")
        with self._weights(ema=ema):
            return reconstruct_images(self.model, images.to(self.device))

    @torch.no_grad()
    def measures(self, data: ImageData, split: str) -> Measures | None:
        """Numbers that the model measures of itself, with averaged weights where there are any.

        Args:
            data: the data set that it was trained on.
            split: name of the images to measure on, which no training saw.
        """
        if not isinstance(self.model, MeasuresItself):
            return None
        held_out = data[split].to(self.device)
        with self._weights(ema=self.average is not None):
            values = self.model.measure(to_unit_range(held_out.images), held_out.labels)
        return Measures(split=split, n_images=len(held_out), values=values)

    def _draw(self, sampler: str, *, ema: bool) -> Draw:
        model = self.model
        if sampler == MIXTURE and isinstance(model, LatentModel):
            mixture = self.mixtures[ema]

            def draw(noise: ImageNoise, labels: Tensor) -> Tensor:  # noqa: ARG001
                return model.decode(mixture.latents(noise))

            return draw
        if isinstance(model, HasNamedSamplers):
            return partial(model.sample_as, sampler)
        return model.sample

    def _weights(self, *, ema: bool) -> AbstractContextManager[None]:
        if not ema:
            return nullcontext()
        if self.average is None:
            raise UsageError(f"{self.spec.variant} keeps no averaged weights")
        return self.average.applied()


def finish(
    spec: TrainSpec, model: GenerativeModel, average: AveragedWeights | None, split: ImageSplit
) -> TrainedModel:
    """Fit ex-post samplers and put the model in evaluation mode.

    ``split`` may be on another device than the model.
    """
    model.eval()
    device = next(model.parameters()).device
    mixtures: dict[bool, LatentMixture] = {}
    if isinstance(model, LatentModel):
        images = to_unit_range(split.images.to(device))
        mixtures[False] = fit_mixture(model, images)
        if average is not None:
            with average.applied():
                mixtures[True] = fit_mixture(model, images)
    return TrainedModel(spec, model, average, mixtures, device)


def draw_subject(
    subject: RunSubject, model: TrainedModel, data: ImageData, protocol: ScoringProtocol
) -> Tensor:
    """All images that a score record is about, (N, C, H, W) uint8 on the CPU; always the same.

    Raises:
        UsageError: the model has no such sampler, or no averaged weights.
        NonFiniteImages: a pixel is NaN or infinite.
    """
    if subject.sampler == RECONSTRUCTION:
        return model.reconstruct(data[protocol.held_out_split].images, ema=subject.ema)
    return model.sample(subject.sampler, protocol.n_fake, seed=subject.seed, ema=subject.ema)


def save(trained: TrainedModel, directory: RunDirectory) -> list[Path]:
    """Write weights, averages and mixtures; returns the files, weights first."""
    files = {directory.weights: dict(trained.model.state_dict())}
    if trained.average is not None:
        files[directory.weights_ema] = trained.average.average
    for ema, mixture in trained.mixtures.items():
        files[_mixture_file(directory, ema=ema)] = mixture.tensors()
    for path, tensors in files.items():
        contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        write_atomically(path, to_safetensors(contiguous))
    return list(files)


def load(directory: RunDirectory, device: torch.device) -> TrainedModel:
    """The trained model of a run directory, which may come from somebody else.

    Nothing is parsed or built before the files are known to be the ones on record.

    Raises:
        InvalidInput: there is no train record, a file of the run is not the one on record, or it
            does not fit the model that the record describes.
        MissingPrerequisite: the run has no final weights (yet).
    """
    record = directory.train_record()
    if record is None:
        raise InvalidInput("not a run directory: it has no train.json", where=str(directory.path))
    recorded = RecordedWeights(directory, record)
    state = recorded.tensors(directory.weights)
    model = build_from_spec(record.spec)
    fitting(directory.weights, state, model.state_dict())
    model.load_state_dict(state)
    # The layout in which it was trained: in another one, convolutions may round otherwise.
    model.to(device).to(memory_format=torch.channels_last).eval()
    average = None
    if float(str(record.spec.recipe.get("ema_decay", 0.0))) > 0.0:
        average = AveragedWeights(model.sampling_modules(), 0.0)
        averages = recorded.tensors(directory.weights_ema)
        fitting(directory.weights_ema, averages, average.average)
        average.load_state_dict({"n_updates": 0, **averages})
    mixtures: dict[bool, LatentMixture] = {}
    if isinstance(model, LatentModel):
        for ema in (False, True) if average else (False,):
            path = _mixture_file(directory, ema=ema)
            mixtures[ema] = mixture_of(path, recorded.tensors(path), model)
    return TrainedModel(record.spec, model, average, mixtures, device)


def mixture_of(path: Path, tensors: dict[str, Tensor], model: GenerativeModel) -> LatentMixture:
    """The ex-post density in a file, once it has the sizes of the model's latents.

    Raises:
        InvalidInput: it does not fit.
    """
    dim, k = _latent_size(model), N_COMPONENTS
    shapes = {"weights": (k,), "means": (k, dim), "factors": (k, dim, dim)}
    expected = {
        name: torch.empty(shape, dtype=torch.float64, device="meta")
        for name, shape in shapes.items()
    }
    fitting(path, tensors, expected)
    return LatentMixture(**tensors)


@torch.no_grad()
def _latent_size(model: GenerativeModel) -> int:
    if not isinstance(model, LatentModel):
        raise TypeError(f"{type(model).__name__} has no latents")
    shape = model.shape
    images = torch.zeros(1, shape.channels, shape.size, shape.size)
    return int(model.encode(images.to(next(model.parameters()).device)).shape[1])


def _mixture_file(directory: RunDirectory, *, ema: bool) -> Path:
    return directory.path / f"{MIXTURE}{'-ema' if ema else ''}.safetensors"
