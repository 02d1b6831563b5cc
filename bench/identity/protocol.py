"""The resolved scoring protocol: the registry's entry plus the bytes and versions it meets.

Its key is the comparability key: two scores may stand in one ranking only if their keys are equal.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from bench.identity.digest import sha256_of_data
from bench.identity.local_registry import require_made, require_pinned
from catalog.schema import Dataset, Extractor, Protocol, Registry
from catalog.schema.benchmark import Channels, ImageCount, Resolution, Seed


class ScoringProtocol(BaseModel):
    """Everything that makes two numbers comparable; every field enters the key."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    id: str
    version: int
    dataset: str
    dataset_fingerprint: str
    resolution: Resolution
    channels: Channels
    reference_split: str
    n_reference: PositiveInt
    held_out_split: str
    n_held_out: PositiveInt
    n_fake: ImageCount
    labels: Literal["index modulo number of classes"] = "index modulo number of classes"
    grey_to_rgb: Literal["repeat"] = "repeat"
    quantisation: Literal["floor(127.5 x + 128) clamped to uint8"] = (
        "floor(127.5 x + 128) clamped to uint8"
    )
    extractor: str
    extractor_sha256: str | None
    layer_isc: str
    layer_fid: str
    layer_kid: str
    layer_prc: str
    tf32: Literal[False] = False
    isc_splits: PositiveInt
    kid_subsets: PositiveInt
    kid_subset_size: PositiveInt
    prc_neighborhood: PositiveInt
    prc_images: Literal["the first min(n_fake, n_real) fakes"] = (
        "the first min(n_fake, n_real) fakes"
    )
    rng_seed: Seed
    batch_size: PositiveInt
    torch_fidelity: str
    prc_samples: PositiveInt | None = Field(default=None, exclude_if=lambda value: value is None)

    @property
    def key(self) -> str:
        """First 16 hex digits of the sha256 of the canonical protocol."""
        return sha256_of_data(self.model_dump(mode="json"))[:16]


def resolve(registry: Registry, name: str, *, judge_is_made: bool = True) -> ScoringProtocol:
    """The protocol called ``name`` with its data set, extractor and library version filled in.

    Args:
        registry: has the protocol.
        name: its id.
        judge_is_made: whether the judge has to be known; without it the key is that of no score.

    Raises:
        MissingPrerequisite: data set or judge are not known before this machine has made them.
    """
    entry = registry.protocol(name)
    require_pinned(registry.dataset(entry.dataset))
    if judge_is_made:
        require_made(registry.extractor(entry.extractor))
    return _combine(entry, registry.dataset(entry.dataset), registry.extractor(entry.extractor))


def _combine(entry: Protocol, dataset: Dataset, extractor: Extractor) -> ScoringProtocol:
    return ScoringProtocol(
        id=entry.id,
        version=entry.version,
        dataset=dataset.id,
        dataset_fingerprint=dataset.fingerprint,
        resolution=dataset.resolution,
        channels=dataset.channels,
        reference_split=entry.reference_split,
        n_reference=dataset.splits[entry.reference_split],
        held_out_split=entry.held_out_split,
        n_held_out=dataset.splits[entry.held_out_split],
        n_fake=entry.n_fake,
        extractor=extractor.id,
        extractor_sha256=extractor.sha256,
        layer_isc=extractor.layers["isc"],
        layer_fid=extractor.layers["fid"],
        layer_kid=extractor.layers["kid"],
        layer_prc=extractor.layers["prc"],
        isc_splits=entry.isc_splits,
        kid_subsets=entry.kid_subsets,
        kid_subset_size=entry.kid_subset_size,
        prc_neighborhood=entry.prc_neighborhood,
        rng_seed=entry.rng_seed,
        batch_size=entry.batch_size,
        prc_samples=entry.prc_samples,
        torch_fidelity=version("torch-fidelity"),
    )
