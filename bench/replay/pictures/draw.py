"""Draws the pictures of a recorded run: trains it again, samples it, and writes what it shows.

A published run has no weights beside it, so they are made again, on the same machine bit by bit.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from threadpoolctl import threadpool_limits
from torch import Tensor

from bench.data import ImageData, load_dataset
from bench.identity import protocol as protocols
from bench.identity.protocol import ScoringProtocol
from bench.records.environment import environment
from bench.records.picture_files import MAX_BYTES
from bench.records.record import TrainRecord
from bench.records.run_directory import RunDirectory, artifact
from bench.replay.pictures.interpolation import interpolate
from bench.replay.pictures.neighbours import closest, columns, nearest
from bench.replay.pictures.record import (
    Column,
    PictureName,
    Pictures,
    Weights,
    read_pictures,
    write_pictures,
)
from bench.replay.pictures.snapshots import WatchedTraining, train_watched
from bench.replay.verify.compare import same_machine
from bench.sample.draw import SAMPLING_BATCH, NonFiniteImages
from bench.sample.grid import grid_image
from bench.sample.trained_model import TrainedModel, save
from bench.score.extractors import load_extractor
from bench.score.features import extract, reference_features
from catalog.errors import InvalidInput
from catalog.files import unlinked_bytes, write_atomically
from catalog.schema import Extractor, Registry, Suite

N_IMAGES = SAMPLING_BATCH
"""Generated images among which those nearest to training images are looked for."""
GAP_PX = 8
"""Between blocks of rows, beyond the lines that a grid draws itself."""
GAP_GREY = 128
PALETTES = (64, 32)
"""Colours of a sheet of colour images, fewer where it would be too large with more."""
MOST_BYTES = 30_000
"""A repository keeps three sheets for every variant."""


@dataclass(frozen=True)
class Setting:
    """What a run is drawn with.

    Attributes:
        suite: id of the suite that the run is of.
        protocol: of that suite; the features that its copies are counted by are compared.
        extractor: whose features these are.
        data: the data set of the run.
        device: where to train and to draw.
    """

    suite: str
    protocol: ScoringProtocol
    extractor: Extractor
    data: ImageData
    device: torch.device

    @property
    def layer(self) -> str:
        """Of the extractor, by which copies are counted."""
        return self.extractor.layers["prc"]


def setting_of(registry: Registry, suite: Suite, device: torch.device) -> Setting:
    """What the runs of a suite are drawn with.

    Raises:
        MissingPrerequisite: data set or judge are not on this machine.
        InvalidInput: the data set holds other pixels than the registry says.
    """
    protocol = protocols.resolve(registry, suite.protocol)
    data = load_dataset(registry.dataset(suite.dataset))
    return Setting(suite.id, protocol, registry.extractor(protocol.extractor), data, device)


def are_drawn(folder: Path, train: TrainRecord) -> bool:
    """Whether a folder has all pictures of a run already, byte for byte as its record says.

    Raises:
        InvalidInput: the record of the pictures is broken.
    """
    found = read_pictures(folder)
    if found is None or found.train_hash != train.train_hash:
        return False
    files = {picture_file(folder, name): digest for name, digest in found.files.items()}
    return all(
        file.is_file() and _sha256(unlinked_bytes(file, MAX_BYTES)) == files[file] for file in files
    )


def picture_file(folder: Path, name: PictureName) -> Path:
    """Where a picture lies in its folder."""
    return folder / f"{name}.png"


def draw_pictures(
    train: TrainRecord, setting: Setting, folder: Path, start: Path | None = None
) -> Pictures:
    """Train a recorded run again and write its pictures, then their record.

    On a CPU as many threads are used as on record, since their number decides how sums round.

    Args:
        train: the record of a finished run.
        setting: its surroundings.
        folder: where the pictures go.
        start: where the run lies whose weights this one went on from, if it did.

    Raises:
        Diverged: a loss became infinite or NaN.
        MissingPrerequisite: it went on from a run that is not there.
        InvalidInput: a picture would show pixels that are not finite.
    """
    before, wanted = torch.get_num_threads(), train.environment.n_threads
    n_threads = wanted if setting.device.type == "cpu" else before
    try:
        torch.set_num_threads(n_threads)
        with threadpool_limits(n_threads):
            made = train_watched(train.spec, setting.data, setting.device, start)
            return _write(train, setting, made, folder)
    except NonFiniteImages as error:
        raise InvalidInput(f"{train.run_id} cannot be drawn: {error}") from error
    finally:
        torch.set_num_threads(before)


def _write(train: TrainRecord, setting: Setting, made: WatchedTraining, folder: Path) -> Pictures:
    spec, final = train.spec, made.final
    n_shown = n_columns(spec.dataset.channels)
    sampler, ema = type(final.model).samplers[0], final.average is not None
    images = final.sample(sampler, N_IMAGES, seed=spec.seed, ema=ema)
    rows = [model.sample(sampler, n_shown, seed=spec.seed, ema=ema) for _, model in made.earlier]
    between, kind = interpolate(final, n_shown, seed=spec.seed, ema=ema)
    real = setting.data[spec.dataset.split].images
    first, closest_ones = _beside_real(images, real, setting, n_shown)
    sheets: dict[PictureName, bytes] = {"training": sheet_png([[*rows, images[:n_shown]]])}
    if between is not None:
        sheets["interpolation"] = sheet_png([between.split(n_shown)])
    blocks = [_beside(shown, images, real) for shown in (first, closest_ones)]
    sheets["neighbours"] = sheet_png(blocks)
    weights, here = weights_beside(train, final), environment(final.device)
    pictures = Pictures(
        suite=setting.suite,
        variant=spec.variant,
        run_id=train.run_id,
        train_hash=train.train_hash,
        seed=spec.seed,
        sampler=sampler,
        ema=ema,
        environment=here,
        same_machine=same_machine(train.environment, here, set(os.environ)),
        equal_to_record=all(file.sha256 == file.recorded_sha256 for file in weights),
        weights=weights,
        moments=(*(step for step, _ in made.earlier), spec.steps),
        between=kind,
        n_images=len(images),
        extractor=setting.extractor.id,
        layer=setting.layer,
        first=first,
        nearest=closest_ones,
        files={name: _sha256(content) for name, content in sheets.items()},
    )
    _publish(folder, sheets, pictures)
    return pictures


def weights_beside(train: TrainRecord, model: TrainedModel) -> tuple[Weights, ...]:
    """The files that saving a model makes, in order of their names, beside those on record."""
    with tempfile.TemporaryDirectory(prefix="aigc-pictures-") as scratch:
        directory = RunDirectory(Path(scratch))
        saved = [artifact("weights", file, directory.path) for file in save(model, directory)]
    recorded = {file.path: file.sha256 for file in train.artifacts}
    return tuple(
        Weights(path=file.path, sha256=file.sha256, recorded_sha256=recorded.get(file.path))
        for file in sorted(saved, key=lambda file: file.path)
    )


def _beside_real(
    images: Tensor, real: Tensor, setting: Setting, n_shown: int
) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    """The first generated images, and those nearest to real ones, each with what it is near."""
    device, batch_size = setting.device, setting.protocol.batch_size
    extractor = load_extractor(setting.extractor, device)
    made = extract(images, extractor, batch_size, device, "generated images")[setting.layer]
    known = reference_features(real, extractor, batch_size, device)[setting.layer]
    by_pixels, by_features = nearest(images, real), nearest(made, known)
    return (
        columns(list(range(n_shown)), by_pixels, by_features),
        columns(closest(by_features, n_shown), by_pixels, by_features),
    )


def _beside(shown: tuple[Column, ...], images: Tensor, real: Tensor) -> list[Tensor]:
    """Three rows: generated images, and below each the nearest real ones by pixels and features."""
    return [
        images[[column.image for column in shown]],
        real[[column.by_pixels.index for column in shown]],
        real[[column.by_features.index for column in shown]],
    ]


def _publish(folder: Path, sheets: dict[PictureName, bytes], pictures: Pictures) -> None:
    for name, content in sheets.items():
        write_atomically(picture_file(folder, name), content)
    if "interpolation" not in sheets:
        picture_file(folder, "interpolation").unlink(missing_ok=True)
    write_pictures(folder, pictures)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def n_columns(channels: int) -> int:
    """Images side by side on every sheet; in colour fewer, as each takes more bytes."""
    return 12 if channels == 1 else 8


def sheet_png(blocks: Sequence[Sequence[Tensor]]) -> bytes:
    """Rows of images as one PNG file.

    Args:
        blocks: of rows (N, C, H, W) uint8, all of one shape; a gap stands between two blocks.

    Returns:
        The bytes of the file; colours are reduced to a palette, grey values are kept.
    """
    grids = [
        grid_image(torch.cat(list(rows)), n_columns=len(rows[0]), n_rows=len(rows))
        for rows in blocks
    ]
    height = sum(grid.height for grid in grids) + GAP_PX * (len(grids) - 1)
    sheet = Image.new("RGB", (grids[0].width, height), (GAP_GREY,) * 3)
    top = 0
    for grid in grids:
        sheet.paste(grid, (0, top))
        top += grid.height + GAP_PX
    if blocks[0][0].shape[1] == 1:
        return _encoded(sheet.convert("L"))
    encoded = b""
    for n_colours in PALETTES:
        encoded = _encoded(sheet.quantize(n_colours, dither=Image.Dither.NONE))
        if len(encoded) <= MOST_BYTES:
            break
    return encoded


def _encoded(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, format="PNG", optimize=True)
    return content.getvalue()
