"""Scores for code: images in memory, against a data set under its protocol, or against others.

What a protocol prescribes is measured in the same way as for every row of its tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data import load_dataset
from bench.data.decode.image_files import channels_first
from bench.identity import protocol as protocols
from bench.identity.local_registry import pinned_registry
from bench.networks.shape import ImageShape
from bench.outside.samples import in_shape
from bench.score.extractors import load_extractor
from bench.score.image_source import resolve_image_source
from bench.score.scorer import GROUPS, Scorer, Settings
from bench.score.two_sets import compare
from catalog.errors import InvalidInput
from catalog.schema import Registry

Images = Tensor | NDArray[np.uint8] | str | Path
"""(N, H, W), (N, C, H, W) or (N, H, W, C) uint8, or what ``bench score --fake`` takes."""


@dataclass(frozen=True)
class Scores(Mapping[str, float]):
    """Metrics by name, with what they are of.

    Attributes:
        values: ``fid``, ``kid``, ``precision`` and so on, as records call them.
        missing: why a metric has no value, by name.
        protocol: the id of the protocol.
        key: its comparability key; empty against a reference of one's own.
        n_images: that were scored.
        comparable: whether they stand beside the rows of the protocol's tables: as many images as
            it asks for, against its own reference.
    """

    values_by_name: Mapping[str, float]
    missing: Mapping[str, str]
    protocol: str
    key: str
    n_images: int
    comparable: bool

    def __getitem__(self, name: str) -> float:
        """A metric's value."""
        return self.values_by_name[name]

    def __iter__(self) -> Any:
        """Over the names of the metrics that have a value."""
        return iter(self.values_by_name)

    def __len__(self) -> int:
        """How many metrics have a value."""
        return len(self.values_by_name)


def score(images: Images, reference: Images, protocol: str, device: str = "cpu") -> Scores:
    """See ``bench.score``."""
    registry, place = pinned_registry(), torch.device(device)
    entry = registry.protocol(protocol)
    fakes = as_images(images, registry, place)
    if isinstance(reference, str) and reference == entry.dataset:
        return _by_protocol(fakes, registry, protocol, place)
    extractor = registry.extractor(entry.extractor)
    settings = Settings(
        layer_isc=extractor.layers["isc"],
        layer_fid=extractor.layers["fid"],
        layer_kid=extractor.layers["kid"],
        layer_prc=extractor.layers["prc"],
        isc_splits=entry.isc_splits,
        kid_subsets=entry.kid_subsets,
        kid_subset_size=entry.kid_subset_size,
        prc_neighborhood=entry.prc_neighborhood,
        prc_samples=entry.prc_samples,
        rng_seed=entry.rng_seed,
    )
    values = compare(
        {"generated": fakes, "real": as_images(reference, registry, place)},
        {"generated": "images", "real": "reference"},
        list(GROUPS),
        load_extractor(extractor, place),
        settings,
        place,
    )
    return Scores(values, {}, entry.id, "", len(fakes), comparable=False)


def _by_protocol(images: Tensor, registry: Registry, name: str, device: torch.device) -> Scores:
    resolved = protocols.resolve(registry, name)
    fitted, _ = in_shape(images, ImageShape(resolved.channels, resolved.resolution))
    scored = fitted[: resolved.n_fake]
    data = load_dataset(registry.dataset(resolved.dataset))
    scorer = Scorer(data, resolved, registry.extractor(resolved.extractor), device)
    metrics = scorer.score(scored)
    return Scores(
        {one.name: one.value for one in metrics if one.value is not None},
        {one.name: one.missing_reason for one in metrics if one.missing_reason is not None},
        resolved.id,
        resolved.key,
        len(scored),
        comparable=len(scored) == resolved.n_fake,
    )


def as_images(images: Images, registry: Registry, device: torch.device) -> Tensor:
    """Images as (N, C, H, W) uint8 on the CPU.

    Raises:
        InvalidInput: they are not uint8, of another shape, or a file breaks a rule.
    """
    if isinstance(images, str | Path):
        return resolve_image_source(str(images), registry, device)
    array = images.cpu().numpy() if isinstance(images, Tensor) else np.asarray(images)
    if array.dtype != np.uint8:
        raise InvalidInput(
            f"images are uint8 in 0 .. 255, these are {array.dtype}",
            hint="of floats in -1 .. 1: bench.data.dataset.quantise(images)",
        )
    return torch.from_numpy(np.ascontiguousarray(channels_first(array, Path("images"))))
