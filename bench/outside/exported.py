"""What ``aigc bench export`` has written comes in again: it says itself how it is used.

Weights are put into the network that their record describes and draw the very same images. A graph
takes its noise in columns, which its record tells the kinds of.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bench.models.base import LatentModel
from bench.models.build import build_from_spec
from bench.models.noise import ImageNoise
from bench.outside.convention import StatedConvention
from bench.outside.export import MIXTURE_PREFIX, kept_tensors
from bench.outside.export_record import (
    CONFIG,
    FOLDER_WEIGHTS,
    KEY,
    MAX_HEADER_BYTES,
    ExportRecord,
    metadata_of,
    parse_export,
    parse_folder,
)
from bench.outside.generator import Forward, Opened, Opening
from bench.outside.module_generator import n_sampled_from
from bench.outside.sampler_network import columns_of, draw_of
from bench.outside.source import file_of_folder, require_unchanged, verified_bytes
from bench.records.files import MAX_WEIGHTS_BYTES
from bench.records.weight_files import finite_tensors, fitting
from bench.sample.draw import Draw
from bench.sample.image_sets import RECONSTRUCTION, sampler_names
from bench.sample.latent_density import SAMPLER as MIXTURE
from bench.sample.trained_model import TrainedModel, mixture_of
from catalog.errors import InvalidInput
from catalog.files import regular_bytes


@dataclass(frozen=True)
class SamplerGenerator:
    """An ``OutsideGenerator`` that is a sampler of this program."""

    sampler: Draw

    def draw(self, noise: ImageNoise, labels: Tensor | None) -> Tensor:
        """As ``OutsideGenerator.draw``."""
        return self.sampler(noise, labels)  # type: ignore[arg-type]


@dataclass(frozen=True)
class ColumnGenerator:
    """An ``OutsideGenerator`` that is a graph of this program's, which takes columns of noise."""

    forward: Forward
    record: ExportRecord

    def draw(self, noise: ImageNoise, labels: Tensor | None) -> Tensor:
        """As ``OutsideGenerator.draw``."""
        columns = columns_of(noise, self.record.draws)
        return self.forward(columns, labels) if self.record.conditional else self.forward(columns)


def open_export(opening: Opening) -> Opened:
    """The sampler in a safetensors file or a hub folder of this program's.

    Raises:
        InvalidInput: a file is not the one that was hashed or is damaged, its record is broken, or
            its tensors do not fit the network that the record describes.
    """
    path = opening.source.path
    if path.is_dir():
        file = file_of_folder(opening.source, FOLDER_WEIGHTS)
        content = regular_bytes(file, MAX_WEIGHTS_BYTES)
    else:
        file, content = path, verified_bytes(opening.source, MAX_WEIGHTS_BYTES)
    record = parse_export(metadata_of(content).get(KEY, "{}"), file)
    if path.is_dir():
        config = file_of_folder(opening.source, CONFIG)
        if parse_folder(regular_bytes(config, MAX_HEADER_BYTES), config) != record:
            raise InvalidInput(
                f"{config}: speaks of another training than {FOLDER_WEIGHTS}",
                hint="write the folder again by aigc bench export",
            )
        require_unchanged(opening.source)
    told = told_by_record(record)
    require_untold(told, opening)
    model = exported_model(content, file, record, opening.device)
    return Opened(
        told=told,
        generator=lambda _: SamplerGenerator(draw_of(model, record.sampler)),
        said=said_of(record),
        n_parameters=n_sampled_from(model.model),
        seed=record.spec.seed,
    )


def open_graph(record: ExportRecord, forward: Forward, opening: Opening) -> Opened:
    """A graph of this program's.

    Args:
        record: what the file says of itself.
        forward: the graph, on its device.
        opening: of the file.

    Raises:
        InvalidInput: the user states otherwise than the record.
    """
    told = told_by_record(record)
    require_untold(told, opening)
    return Opened(
        told=told,
        generator=lambda _: ColumnGenerator(forward, record),
        said=said_of(record),
        seed=record.spec.seed,
    )


def require_untold(told: StatedConvention, opening: Opening) -> None:
    """Refuse what is stated otherwise than a file of this program's tells of itself.

    Raises:
        InvalidInput: naming the first such choice.
    """
    stated = opening.stated.model_dump(exclude_none=True)
    for name, value in told.model_dump(exclude_none=True).items():
        if stated.get(name, value) != value:
            raise InvalidInput(
                f"{opening.source.path}: its {name} is {value}, as it says itself, and not"
                f" {stated[name]}",
                hint=f"leave --{name.replace('_', '-')} out",
            )


def exported_model(
    content: bytes, file: Path, record: ExportRecord, device: torch.device
) -> TrainedModel:
    """The model of a safetensors file of this program's, in evaluation mode.

    Raises:
        InvalidInput: its record names no sampler of its model, the file is damaged, or its tensors
            do not fit.
    """
    model = build_from_spec(record.spec)
    names = [name for name in sampler_names(type(model)) if name != RECONSTRUCTION]
    if record.sampler not in names:
        raise InvalidInput(
            f"{file}: {record.spec.algorithm} has no sampler '{record.sampler}'",
            hint=f"it has: {', '.join(names)}",
        )
    tensors = finite_tensors(content, file)
    is_mixture = record.sampler == MIXTURE and isinstance(model, LatentModel)
    mixture = {
        name.removeprefix(MIXTURE_PREFIX): tensors.pop(name)
        for name in sorted(tensors)
        if is_mixture and name.startswith(MIXTURE_PREFIX)
    }
    fitting(file, tensors, kept_tensors(model))
    model.load_state_dict(tensors, strict=False)
    # In another layout, convolutions may round otherwise.
    model.to(device).to(memory_format=torch.channels_last).eval()
    mixtures = {False: mixture_of(file, mixture, model)} if is_mixture else {}
    return TrainedModel(record.spec, model, None, mixtures, device)


def told_by_record(record: ExportRecord) -> StatedConvention:
    """The convention of an export; of several kinds of noise its record alone tells."""
    data = record.spec.dataset
    kinds = {piece.kind for piece in record.draws}
    return StatedConvention(
        noise="uniform-0..1" if kinds == {"uniform"} else "normal",
        noise_shape=(record.n_columns,),
        range="0..255" if record.pixels == "uint8" else "-1..1",
        layout="NCHW",
        channels=1 if data.channels == 1 else 3,
        resolution=data.resolution,
        labels="index" if record.conditional else "none",
        label_place="after",
    )


def said_of(record: ExportRecord) -> tuple[str, ...]:
    """What people are told about an export that comes in."""
    spec = record.spec
    weights = "averaged weights" if record.averaged else "raw weights"
    made = f"exported by aigc-bench {record.made_by}: {spec.variant}, trained on {spec.dataset.id}"
    said = [f"{made} with seed {spec.seed}; sampler {record.sampler}, {weights}"]
    if len({piece.kind for piece in record.draws}) > 1:
        pieces = ", ".join(f"{piece.n} {piece.kind}" for piece in record.draws)
        said.append(f"its noise is of several kinds: {pieces}")
    return tuple(said)
