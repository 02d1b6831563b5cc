"""What a claim is about, as images: a set that somebody made, or what a model draws."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from bench.appeal.claim import Claim, WeightsKind, is_there
from bench.appeal.pixels import disturbed, rounded, stored_as_jpeg
from bench.appeal.way import View
from bench.data import ImageData, load_dataset
from bench.identity.digest import sha256_of_arrays
from bench.models.base import HasNamedSamplers, LatentModel
from bench.models.noise import ImageNoise
from bench.networks.shape import ImageShape
from bench.outside.convention import Convention, noise_values
from bench.outside.generator import as_draw
from bench.outside.row import OutsideRow
from bench.outside.settle import Settled
from bench.outside.stored import stored_row
from bench.records.files import MIXTURE
from bench.records.run_directory import RunDirectory
from bench.sample import trained_model as trained
from bench.sample.draw import Draw, NonFiniteImages, sample_images
from bench.sample.image_sets import RECONSTRUCTION, sampler_names
from bench.score.corruptions import CORRUPTIONS
from bench.score.image_source import N_FROM_RUN, resolve_image_source
from catalog.errors import InvalidInput
from catalog.names import suggestion
from catalog.schema import Registry

_SLICE = re.compile(r"(.+)\[:(.*)\]")
_FIRST = re.compile(r"[1-9][0-9]{0,6}")
SEEDS = 8
"""Draws of a model's images: the claim's authors made one of their own."""


class Subject(Protocol):
    """Images that a claim is about, in as many ways as they can be had.

    Attributes:
        name: as the claim has it.
        n: how many there are.
        draws: seeds of sets that are drawn anew; one where the images are given.
        labels: (n,) int64 where they are known.
        n_channels, size: of an image.
        is_float: whether pixels are rounded here.
        sha256: of the pixels, or of the weights that draw them.
    """

    name: str
    n: int
    draws: tuple[int, ...]
    labels: Tensor | None
    n_channels: int
    size: tuple[int, int]
    is_float: bool

    @property
    def sha256(self) -> str:
        """Of the pixels, or of the weights that draw them."""

    def images(self, view: View, draw: int) -> Tensor:
        """The images, (n, C, H, W) uint8."""


class SampleSet:
    """Images that are there, and what is done to them first."""

    draws = (0,)

    def __init__(
        self,
        name: str,
        images: Tensor,
        labels: Tensor | None,
        steps: Sequence[tuple[str, float]],
    ) -> None:
        self.name = name
        self.labels = labels
        self.n, self.n_channels = images.shape[:2]
        self.size = (images.shape[2], images.shape[3])
        self.is_float = bool(steps)
        self._given = images
        self._steps = steps

    @cached_property
    def _values(self) -> Tensor:
        return disturbed(self._given, self._steps)

    @property
    def sha256(self) -> str:
        """Of the pixels as they were given."""
        return sha256_of_arrays(self._given.numpy())

    def images(self, view: View, draw: int) -> Tensor:  # noqa: ARG002
        """The images, (n, C, H, W) uint8."""
        found = rounded(self._values, view.rounding) if self.is_float else self._given
        return found if view.jpeg is None else stored_as_jpeg(found, view.jpeg)


class _Trained:
    """Draws from the model of a run that was trained here."""

    def __init__(self, path: Path, sampler: str | None, device: torch.device) -> None:
        self._model = trained.load(RunDirectory(path), device)
        spec, model = self._model.spec, self._model.model
        self.seed = spec.seed
        self.n_classes = spec.dataset.n_classes
        self.shape = ImageShape(spec.dataset.channels, spec.dataset.resolution)
        self.weights: tuple[WeightsKind, ...] = ("ema", "raw") if self._model.average else ("raw",)
        networks = model.sampling_modules().values()
        self.has_batch_norm = any(
            isinstance(m, _BatchNorm) for net in networks for m in net.modules()
        )
        state = model.state_dict()
        self.sha256 = sha256_of_arrays(*(state[name].cpu().numpy() for name in sorted(state)))
        known = [name for name in sampler_names(type(model)) if name != RECONSTRUCTION]
        self._sampler = sampler or known[0]
        if self._sampler not in known:
            raise InvalidInput(
                f"{path}: {spec.variant} has no sampler '{self._sampler}'"
                f"{suggestion(self._sampler, known)}",
                hint=f"it has: {', '.join(known)}",
            )

    def draw(self, view: View) -> Draw:
        average = self._model.average if view.weights == "ema" else None
        with average.applied() if average else nullcontext():
            model = copy.deepcopy(self._model.model)  # statistics that are in use change
        if view.batch_norm == "train":
            model.apply(_by_batch)
        if self._sampler == MIXTURE and isinstance(model, LatentModel):
            mixture = self._model.mixtures[average is not None]
            return lambda noise, _labels: model.decode(mixture.latents(noise))
        if isinstance(model, HasNamedSamplers):
            return partial(model.sample_as, self._sampler)
        return model.sample


class _Loaded:
    """Draws from a generator that somebody else trained."""

    weights: tuple[WeightsKind, ...] = ("raw",)
    has_batch_norm = False  # its convention says how it is used, and it is open in that way

    def __init__(self, path: Path, row: OutsideRow, settled: Settled) -> None:
        self._path = path
        self._settled = settled
        self.seed = row.spec.seed
        self.n_classes = row.spec.dataset.n_classes
        self.shape = row.shape
        self.sha256 = row.spec.sha256
        self.takes_normal_noise = settled.convention.noise == "normal"

    def draw(self, view: View) -> Draw:  # noqa: ARG002
        return as_draw(self._settled.generator, self._settled.convention, self.shape)


class Drawn:
    """Images that the model of a run directory draws."""

    is_float = True
    labels: Tensor | None = None

    def __init__(self, path: Path, model: _Trained | _Loaded, n: int, device: torch.device) -> None:
        self.name = f"run:{path.as_posix()}"
        self.n = n
        self.draws = tuple(model.seed + draw for draw in range(SEEDS))
        self.n_channels = model.shape.channels
        self.size = (model.shape.size, model.shape.size)
        self.weights = model.weights
        self.has_batch_norm = model.has_batch_norm
        self.sha256 = model.sha256
        self._model = model
        self._device = device

    @property
    def cannot(self) -> tuple[str, ...]:
        """Keys of a protocol that mean nothing here, since whoever loaded the run has settled them.

        What is known of a loaded generator is one set of weights, in the mode of its convention.
        """
        if isinstance(self._model, _Trained):
            return ()
        noise = () if self._model.takes_normal_noise else ("truncation",)
        return ("weights", "batch_norm", "sampler", *noise)

    def images(self, view: View, draw: int) -> Tensor:
        """Images 0 .. n - 1 of a seed, (n, C, H, W) uint8."""
        asked = seen(self._model.draw(view), view)
        try:
            found = sample_images(asked, self.n, self._model.n_classes, draw, self._device)
        except NonFiniteImages as error:
            raise InvalidInput(f"{self.name}: {error}") from error
        return found if view.jpeg is None else stored_as_jpeg(found, view.jpeg)


class _Truncated(ImageNoise):
    """Normal draws within a bound, distributed as if those beyond it were drawn again."""

    def __init__(self, noise: ImageNoise, bound: float) -> None:
        super().__init__(0, (), noise.device)
        self._noise = noise
        self._convention = Convention(
            noise="truncated", truncation=bound, noise_shape=(), channels=1, resolution=1
        )

    def __len__(self) -> int:
        return len(self._noise)

    def uniform(self, n_values: int) -> Tensor:
        """The next draws from [0, 1), as they are."""
        return self._noise.uniform(n_values)

    def normal(self, n_values: int) -> Tensor:
        """The next normal draws of every image, (N, n_values) float32, none beyond the bound."""
        return noise_values(self._noise, n_values, self._convention)


def seen(draw: Draw, view: View) -> Draw:
    """The same images with their noise truncated, and so moved that flooring rounds otherwise."""

    def drawn(noise: ImageNoise, labels: Tensor) -> Tensor:
        if view.truncation is not None:
            noise = _Truncated(noise, view.truncation)
        images = draw(noise, labels)
        if view.rounding == "floor":
            return images
        values = images * 127.5 + 127.5
        whole = values.round() if view.rounding == "round" else values.floor()
        return (whole - 127.5) / 127.5

    return drawn


def _by_batch(module: nn.Module) -> None:
    if isinstance(module, _BatchNorm):
        module.train()


def subject_of(claim: Claim, sets: ImageSets) -> SampleSet | Drawn:
    """What a claim that is no count of parameters is about.

    Args:
        claim: says what.
        sets: where images come from.

    Raises:
        InvalidInput: the images break a rule, or a transform is unknown.
        MissingPrerequisite: a data set or the weights of a run are absent.
        UsageError: there is no such data set or split.
    """
    about = claim.about
    if about.run is not None:
        return _of_run(Path(about.run), claim, sets)
    steps = [step for one in about.transform for step in one.items()]
    for name, _ in steps:
        if name not in CORRUPTIONS:
            raise InvalidInput(
                f"claim '{claim.id}': no transform is called '{name}'"
                f"{suggestion(name, CORRUPTIONS)}",
                hint=f"choose from {', '.join(CORRUPTIONS)}",
            )
    images, labels = sets.images(str(about.samples))
    told = "".join(f", {name} {grade:g}" for name, grade in steps)
    return SampleSet(f"{about.samples}{told}", images, labels, steps)


def _of_run(path: Path, claim: Claim, sets: ImageSets) -> SampleSet | Drawn:
    n = claim.protocol.n_images or N_FROM_RUN
    record = RunDirectory(path).load_record()
    if record is None:
        return Drawn(path, _Trained(path, claim.protocol.sampler, sets.device), n, sets.device)
    row = stored_row(record, path, sets.registry, sets.device)
    if row.samples is not None:
        return SampleSet(f"run:{path.as_posix()}", row.samples.images, row.samples.labels, ())
    if row.settled is None:
        raise InvalidInput(f"{path}: holds neither a generator nor samples")
    return Drawn(path, _Loaded(path, row, row.settled), n, sets.device)


class ImageSets:
    """Sets of images by what a claim calls them; a data set is loaded once."""

    def __init__(self, registry: Registry, device: torch.device) -> None:
        self.registry = registry
        self.device = device
        self._data: dict[str, ImageData] = {}

    def images(self, source: str) -> tuple[Tensor, Tensor | None]:
        """A set of images, (N, C, H, W) uint8, and its labels where it is of a data set.

        Args:
            source: as ``aigc bench score`` takes it, or ``DATASET:SPLIT+SPLIT``; in either case
                with ``[:N]`` at its end for the first N images alone.

        Raises:
            As ``resolve_image_source`` does.
        """
        whole, first = sliced(source)
        splits = splits_of(source, self.registry)
        if splits is None:
            return resolve_image_source(whole, self.registry, self.device)[:first], None
        name, names = splits
        entry = self.registry.dataset(name)
        for split in names:  # refuses an unknown one in the words of ``aigc bench score``
            if split not in entry.splits:
                resolve_image_source(f"{name}:{split}", self.registry, self.device)
        if name not in self._data:
            self._data[name] = load_dataset(entry)
        chosen = [self._data[name][split] for split in names]
        images = torch.cat([one.images for one in chosen])[:first]
        return images, torch.cat([one.labels for one in chosen])[:first]


def splits_of(source: str, registry: Registry) -> tuple[str, tuple[str, ...]] | None:
    """Data set and splits of ``DATASET:SPLIT+SPLIT``; None for images that lie in files."""
    whole, _ = sliced(source)
    name, colon, splits = whole.rpartition(":")
    if not colon or is_there(whole) or name not in {one.id for one in registry.datasets}:
        return None
    return name, tuple(splits.split("+"))


def parts_of(source: str, registry: Registry) -> list[str]:
    """Sources that together are one: the splits of ``DATASET:SPLIT+SPLIT``, or itself.

    So each split is seen once, however it is combined.
    """
    splits, (_, first) = splits_of(source, registry), sliced(source)
    if splits is None or first is not None:
        return [source]
    return [f"{splits[0]}:{split}" for split in splits[1]]


def sliced(source: str) -> tuple[str, int | None]:
    """A source without ``[:N]`` at its end, and N, or None where all of it is meant.

    Raises:
        InvalidInput: N is no number of images.
    """
    match = _SLICE.fullmatch(source)
    if match is None:
        return source, None
    if _FIRST.fullmatch(match[2]) is None:
        raise InvalidInput(f"{source}: [:N] means the first N images, so N is 1 or more")
    return match[1], int(match[2])
