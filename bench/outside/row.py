"""A row that was loaded, ready to draw: its source is open, its convention settled, its hash known.

``open_row`` is what ``aigc bench load``, a verification and the Python interface have in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor

from bench.networks.shape import ImageShape
from bench.outside.convention import StatedConvention
from bench.outside.diffusers_folder import STEPS
from bench.outside.generator import OpenedImages, Opening, draw_outside
from bench.outside.openers import fetched, opener
from bench.outside.samples import N_IMAGES
from bench.outside.settle import Settled, settle
from bench.outside.source import Source, SourceKind, parse
from bench.outside.state_dict import DATASET, INSIDE, KEYS, REGISTRY, SETTINGS, VARIANT
from bench.records.load_record import LoadedKind, LoadedOn, LoadRecord, LoadSpec
from bench.sample.draw import NonFiniteImages, labels_of
from catalog.errors import InvalidInput, UsageError
from catalog.schema import Dataset, Registry

OF_STATE_DICTS = (VARIANT, SETTINGS, KEYS, INSIDE)
"""Options that only a file of tensors without a network needs."""
KINDS: dict[SourceKind, str] = {
    "state-dict": "a state dict",
    "torchscript": "TorchScript",
    "torch-export": "a program of torch.export",
    "onnx": "ONNX",
    "diffusers": "a diffusers pipeline",
    "hub": "a repository of the hub",
    "run": "a run of this program",
    "export": "an export of a run of this program",
    "samples": "a set of samples",
}
"""What people call a kind of source."""


@dataclass(frozen=True)
class RowRequest:
    """What somebody asks to be loaded.

    Attributes:
        text: the source, as ``bench.outside.source.parse`` takes it.
        name: of the row.
        stated: what is said of the convention.
        options: of the kind of source, such as the variant of a state dict.
        sha256: that the source has to have; None for any.
        source: where it is already known what ``text`` names.
    """

    text: str
    name: str
    stated: StatedConvention = field(default_factory=StatedConvention)
    options: Mapping[str, Any] = field(default_factory=dict)
    sha256: str | None = None
    source: Source | None = None


@dataclass(frozen=True)
class OutsideRow:
    """A generator or a set of samples beside a data set.

    Attributes:
        spec: everything that decides its images.
        said, warnings: what was found out, and what looks wrong, a sentence each.
    """

    source: Source
    spec: LoadSpec
    device: torch.device
    said: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    n_parameters: int | None = None
    settled: Settled | None = None
    samples: OpenedImages | None = None

    @property
    def shape(self) -> ImageShape:
        """Of its images."""
        return ImageShape(self.spec.dataset.channels, self.spec.dataset.resolution)

    def images(self, n: int) -> Tensor:
        """Images 0 .. n - 1, (n, C, H, W) uint8 on the CPU; always the same.

        Raises:
            InvalidInput: a pixel is not finite, what comes out is not what the convention says, or
                there are fewer samples.
        """
        if self.samples is not None:
            if n > len(self.samples.images):
                raise InvalidInput(
                    f"{self.source.path}: {len(self.samples.images):,} samples were read, and"
                    f" {n:,} are asked for"
                )
            return self.samples.images[:n]
        settled = cast("Settled", self.settled)
        try:
            return draw_outside(
                settled.generator,
                settled.convention,
                self.shape,
                n,
                n_classes=self.spec.dataset.n_classes,
                seed=self.spec.seed,
                device=self.device,
            )
        except NonFiniteImages as error:
            raise InvalidInput(f"{self.source.text}: {error}") from error

    def labels(self, n: int) -> Tensor | None:
        """The class (n,) int64 that each of its first images was asked to show, if any was."""
        if self.samples is not None:
            return None if self.samples.labels is None else self.samples.labels[:n]
        convention = self.spec.convention
        if convention is None or convention.labels == "none":
            return None
        return labels_of(range(n), self.spec.dataset.n_classes)


def open_row(
    request: RowRequest,
    dataset: Dataset,
    n_images: int,
    registry: Registry,
    device: torch.device,
) -> OutsideRow:
    """Open what somebody asks for; the file is hashed before anything of it is parsed.

    Args:
        request: the source, and what is said of it.
        dataset: the data set beside whose images it is put.
        n_images: that will be scored; a set of fewer samples is refused.
        registry: where variants are looked up.
        device: where a generator shall work.

    Raises:
        InvalidInput: the source breaks a rule; the message names file and rule.
        MissingPrerequisite: an extra is not installed, or a file of the hub is not here.
        UsageError: an option is missing that the kind of source needs.
    """
    source = fetched(request.source or parse(request.text))
    if request.sha256 is not None and source.sha256 != request.sha256:
        raise InvalidInput(
            f"{source.text} is not the file that was meant",
            where=f"its sha256 is {source.sha256}, expected {request.sha256}",
        )
    _require_of_its_kind(request, source)
    opening = Opening(
        source=source,
        device=device,
        shape=ImageShape(dataset.channels, dataset.resolution),
        n_classes=dataset.n_classes,
        stated=request.stated,
        options={
            **request.options,
            REGISTRY: registry,
            DATASET: dataset.id,
            N_IMAGES: n_images,
        },
    )
    opened = opener(source.kind)(opening)
    spec = LoadSpec(
        name=request.name,
        kind=cast("LoadedKind", source.kind),
        sha256=source.sha256,
        dataset=LoadedOn(
            id=dataset.id,
            fingerprint=dataset.fingerprint,
            resolution=dataset.resolution,
            channels=dataset.channels,
            n_classes=dataset.n_classes,
        ),
    )
    if isinstance(opened, OpenedImages):
        _require_unstated(request)
        return OutsideRow(source, spec, device, opened.said, samples=opened)
    settled = settle(opened, opening)
    spec = spec.model_copy(
        update={
            "convention": settled.convention,
            "seed": opened.seed,
            "details": dict(opened.details),
        }
    )
    return OutsideRow(
        source,
        LoadSpec.model_validate_json(spec.model_dump_json()),
        device,
        (*opened.said, *settled.said),
        settled.warnings,
        opened.n_parameters,
        settled=settled,
    )


def open_again(
    record: LoadRecord,
    source: Source,
    dataset: Dataset,
    n_images: int,
    registry: Registry,
    device: torch.device,
) -> OutsideRow:
    """The row of a load record, from its file, without finding anything out again.

    Raises:
        InvalidInput: the file is not the recorded one, or it does not open as it did.
    """
    stated = StatedConvention()
    if record.spec.convention is not None:
        stated = StatedConvention.model_validate(record.spec.convention.model_dump())
    request = RowRequest(
        source.text,
        record.spec.name,
        stated,
        record.spec.details,
        record.spec.sha256,
        source,
    )
    row = open_row(request, dataset, n_images, registry, device)
    if row.spec.load_hash != record.load_hash:
        raise InvalidInput(
            f"{record.run_id}: its file opens otherwise than when it was loaded",
            where=source.text,
        )
    return row


def _require_of_its_kind(request: RowRequest, source: Source) -> None:
    given = [name for name in OF_STATE_DICTS if request.options.get(name)]
    if given and source.kind != "state-dict":
        raise UsageError(
            f"{source.text} is no state dict but {KINDS[source.kind]}: {', '.join(given)} cannot be"
            " stated of it",
            hint="leave --variant, --set, --key, --map and --inside out",
        )
    if request.options.get(STEPS) and source.kind != "diffusers":
        raise UsageError(
            f"{source.text} is {KINDS[source.kind]}, which has no loop with --steps",
            hint="leave --steps out",
        )


def _require_unstated(request: RowRequest) -> None:
    stated = sorted(request.stated.model_dump(exclude_none=True))
    if stated:
        raise UsageError(
            f"{request.text} is a set of samples, of which {', '.join(stated)} cannot be stated",
            hint="samples are 8-bit pictures in 0 .. 255; leave the options out",
        )
