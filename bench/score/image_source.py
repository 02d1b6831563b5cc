"""Image sets that a user names on the command line, as one uint8 tensor.

A set is a directory of png, jpg, jpeg, bmp or webp files in order of their names, a ``.zip`` of
such files, a ``.npy`` file, an ``.npz`` as ADM writes, a directory of a run, also a loaded one (its
first ``N_FROM_RUN`` images, as its suite scores them), or a split of a registered data set written
``DATASET:SPLIT``. JPEG and most webp files are lossy: their artefacts count as differences, so
lossless files are to be preferred on both sides.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from bench.data import load_dataset
from bench.data.loaders import require_loader
from bench.outside.samples import read_directory, read_samples
from bench.outside.stored import stored_row
from bench.records.files import LOAD
from bench.records.run_directory import RunDirectory
from bench.sample import trained_model as trained
from bench.sample.draw import NonFiniteImages
from catalog.errors import InvalidInput, UsageError
from catalog.files import reason
from catalog.schema import Registry

N_FROM_RUN = 10_000


def resolve_image_source(
    text: str, registry: Registry, device: torch.device | str = "cpu"
) -> Tensor:
    """The images that a command-line argument names.

    Args:
        text: a directory of images, a run directory, a ``.npy``, ``.npz`` or ``.zip`` file or
            ``DATASET:SPLIT``.
        registry: where data sets are looked up.
        device: where the model of a run directory draws.

    Returns:
        (N, C, H, W) uint8 with C of 1 or 3.

    Raises:
        InvalidInput: the images break a rule; the message names file and rule.
        UsageError: there is no such data set or split.
    """
    try:
        return _resolve(text, registry, torch.device(device))
    except OSError as error:
        raise InvalidInput(f"{text}: cannot be read ({reason(error)})") from error


def _resolve(text: str, registry: Registry, device: torch.device) -> Tensor:
    path = Path(text)
    if (path / "train.json").is_file():
        return _read_run(path, device)
    if (path / LOAD).is_file():
        return _read_loaded(path, registry, device)
    if path.is_dir():
        return read_directory(path)
    if path.is_file():
        return read_samples(path)
    if ":" in text:
        return _read_split(text, registry)
    raise InvalidInput(f"{text}: neither a directory, nor a .npy file, nor DATASET:SPLIT")


def _read_run(path: Path, device: torch.device) -> Tensor:
    model = trained.load(RunDirectory(path), device)
    sampler = type(model.model).samplers[0]
    averaged = model.average is not None
    try:
        return model.sample(sampler, N_FROM_RUN, seed=model.spec.seed, ema=averaged)
    except NonFiniteImages as error:
        raise InvalidInput(f"{path}: {error}") from error


def _read_loaded(path: Path, registry: Registry, device: torch.device) -> Tensor:
    record = RunDirectory(path).load_record()
    if record is None:
        raise InvalidInput(f"{path}: has no load record")
    row = stored_row(record, path, registry, device)
    return row.images(N_FROM_RUN if row.samples is None else len(row.samples.images))


def _read_split(text: str, registry: Registry) -> Tensor:
    name, _, split = text.rpartition(":")
    dataset = registry.dataset(name)
    if split not in dataset.splits:
        raise UsageError(
            f"data set '{name}' has no split '{split}', it has {', '.join(dataset.splits)}"
        )
    require_loader(dataset)
    return load_dataset(dataset)[split].images
