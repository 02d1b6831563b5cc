"""What the registry leaves to each machine: pixels and judges that are pinned where they are made.

The registry knows the fingerprint of a data set only if its maintainers had the data, and the
sha256 of a judge only if they trained it. For all others the first machine that decodes or trains
writes a pin into the cache folder, and from then on the registry is read as if it held the pin. The
fingerprint enters every train hash and the sha256 every protocol key, so numbers that were made on
other pixels or under another judge never meet in one table.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from catalog.errors import MissingPrerequisite
from catalog.files import cache_dir, write_atomically
from catalog.read.loader import load_registry
from catalog.schema import Dataset, Extractor, Registry
from catalog.schema.base import Sha256
from catalog.schema.benchmark import Resolution

M = TypeVar("M", bound=BaseModel)
MADE_HERE = frozenset({"digits", "shapes"})
"""Loaders whose images come with an installed package, or from the program itself."""


class JudgePin(BaseModel):
    """The judge of one data set that this machine trained.

    Attributes:
        weights: file name in the cache folder's ``extractors``.
        resolution: of the images it reads.
        accuracy: by split, 0 .. 1.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    weights: str
    sha256: Sha256
    n_bytes: PositiveInt
    resolution: Resolution
    accuracy: dict[str, float]


def pinned_registry(path: Path | None = None) -> Registry:
    """The registry of ``path``, or the usual one, with this machine's pins filled in.

    Raises:
        As ``load_registry`` does.
    """
    registry = load_registry(path)
    datasets = tuple(_pinned(dataset) for dataset in registry.datasets)
    judged = {protocol.extractor: protocol.dataset for protocol in registry.protocols}
    fingerprints = {dataset.id: dataset.fingerprint for dataset in datasets}
    extractors = tuple(
        _made(extractor, fingerprints.get(judged.get(extractor.id, ""), ""))
        for extractor in registry.extractors
    )
    return registry.model_copy(update={"datasets": datasets, "extractors": extractors})


def pin_dataset(dataset: Dataset) -> None:
    """Remember what a data set turned out to hold; ``dataset`` has its real fingerprint."""
    write_atomically(_dataset_file(dataset.id), dataset.model_dump_json(indent=1).encode())


def pin_judge(extractor: str, fingerprint: str, pin: JudgePin) -> None:
    """Remember the judge that was trained for the data set with some fingerprint."""
    write_atomically(_judge_file(extractor, fingerprint), pin.model_dump_json(indent=1).encode())


def require_pinned(dataset: Dataset) -> None:
    """Refuse a data set whose pixels nobody has seen yet.

    Raises:
        MissingPrerequisite: it says how to decode it.
    """
    if not dataset.is_pinned:
        raise not_decoded(dataset)


def comes_from_files(dataset: Dataset) -> bool:
    """Whether a data set is decoded once from files that are no part of any package."""
    return dataset.loader not in MADE_HERE


def not_decoded(dataset: Dataset, where: Path | None = None) -> MissingPrerequisite:
    """What to say of a data set whose pixels are not here; ``where`` is the file they would be."""
    folder = dataset.loader == "folder"
    source = "folder:PATH" if folder else f"{dataset.id} --data-dir DIR [--download]"
    return MissingPrerequisite(
        f"data set '{dataset.id}' was not decoded on this machine yet",
        where=None if where is None else str(where),
        hint=f"aigc bench data prepare {source}",
    )


def require_made(extractor: Extractor) -> None:
    """Refuse a judge that nobody has trained yet.

    Raises:
        MissingPrerequisite: it says how to train it.
    """
    if extractor.weights is not None and extractor.sha256 is None:
        raise MissingPrerequisite(
            f"extractor '{extractor.id}' was not trained on this machine yet",
            hint=extractor.rebuild,
        )


def _pinned(dataset: Dataset) -> Dataset:
    if dataset.is_pinned:
        return dataset
    found = _read(Dataset, _dataset_file(dataset.id))
    if found is None or (found.id, found.loader) != (dataset.id, dataset.loader):
        return dataset
    return found


def _made(extractor: Extractor, fingerprint: str) -> Extractor:
    if extractor.weights is None or extractor.sha256 is not None:
        return extractor
    pin = _read(JudgePin, _judge_file(extractor.id, fingerprint))
    return extractor if pin is None else extractor.model_copy(update=pin.model_dump())


def _read(kind: type[M], file: Path) -> M | None:
    try:
        return kind.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None  # as if it had never been made: making it again repairs it


def _dataset_file(name: str) -> Path:
    return cache_dir() / "datasets" / f"{name}.json"


def _judge_file(extractor: str, fingerprint: str) -> Path:
    return cache_dir() / "extractors" / f"{extractor}-{fingerprint[:16]}.json"
