"""What the registry leaves to each machine: pixels and judges that are pinned where they are made.

The registry knows the fingerprint of a data set only if its maintainers had the data, and the
sha256 of a judge only if they trained it. For all others the first machine that decodes or trains
writes a pin into the cache folder, and from then on the registry is read as if it held the pin. The
fingerprint enters every train hash and the sha256 every protocol key, so numbers that were made on
other pixels or under another judge never meet in one table.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from bench.identity.names import FOLDER
from catalog.errors import MissingPrerequisite
from catalog.files import cache_dir, write_atomically
from catalog.read.loader import load_registry
from catalog.schema import Dataset, Extractor, Registry
from catalog.schema.base import Sha256, Text
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


def pinned_registry(path: Path | None = None, *, own_folders: bool = True) -> Registry:
    """The registry of ``path``, or the usual one, with this machine's pins filled in.

    Args:
        path: of the file.
        own_folders: whether it has the user's own images, too.

    Raises:
        As ``load_registry`` does.
    """
    registry = load_registry(path)
    if own_folders:
        registry = with_own_folders(registry)
    datasets = tuple(pinned(dataset) for dataset in registry.datasets)
    judged = {protocol.extractor: protocol.dataset for protocol in registry.protocols}
    fingerprints = {dataset.id: dataset.fingerprint for dataset in datasets}
    extractors = tuple(
        _made(extractor, fingerprints.get(judged.get(extractor.id, ""), ""))
        for extractor in registry.extractors
    )
    return registry.model_copy(update={"datasets": datasets, "extractors": extractors})


def with_own_folders(registry: Registry) -> Registry:
    """The registry with a data set, suites, protocols and a judge for each named folder.

    They are copies of the entries of ``folder``, under names that begin with ``folder-NAME``. The
    pixels are known; the judge is not, before it is looked for.
    """
    base = next((one for one in registry.datasets if one.id == FOLDER), None)
    if base is None:
        return registry
    protocols = [one for one in registry.protocols if one.dataset == FOLDER]
    judges = {one.extractor for one in protocols if one.extractor.startswith(FOLDER)}
    more: dict[str, list[Any]] = {
        name: [*getattr(registry, name)]
        for name in ("datasets", "extractors", "protocols", "suites")
    }
    taken = {one.id for one in registry.datasets}
    for own in (one for one in own_folders() if one.id not in taken):
        more["datasets"].append(own)
        for judge in (one for one in registry.extractors if one.id in judges):
            rebuild = (judge.rebuild or "").replace(f" {FOLDER} ", f" {own.id} ")
            copy = judge.model_copy(update={"rebuild": rebuild, "sha256": None})
            more["extractors"].append(_of_own(copy, own, "id"))
        more["protocols"] += (_of_own(one, own, "id", "dataset", "extractor") for one in protocols)
        for suite in registry.suites:
            if suite.dataset == FOLDER:
                copied = suite.model_copy(update={"title": called(suite.title, own.id)})
                more["suites"].append(_of_own(copied, own, "id", "dataset", "protocol"))
    return registry.model_copy(update={name: tuple(found) for name, found in more.items()})


def _of_own(entry: M, own: Dataset, *fields: str) -> M:
    """An entry in which what is called after ``folder`` is called after a named folder."""
    told: dict[str, str] = {field: getattr(entry, field) for field in fields}
    changes = {
        field: own.id + name.removeprefix(FOLDER)
        for field, name in told.items()
        if name.startswith(FOLDER)
    }
    return entry.model_copy(update=changes)


def own_folders() -> tuple[Dataset, ...]:
    """The data sets of images of one's own that have names, in order of those."""
    files = {file.stem: file for file in _dataset_file(FOLDER).parent.glob(f"{FOLDER}-*.json")}
    found = [(name, _read(Dataset, files[name])) for name in sorted(files)]
    return tuple(
        one for name, one in found if one is not None and (one.id, one.loader) == (name, FOLDER)
    )


def called(text: Text, name: str) -> Text:
    """The name of an entry of ``folder``, with the name of one folder behind it."""
    own = name.removeprefix(f"{FOLDER}-")
    return Text(en=f"{text.en}: {own}", zh=f"{text.zh}：{own}")


def pin_dataset(dataset: Dataset, source: Path | None = None) -> None:
    """Remember what a data set turned out to hold; ``dataset`` has its real fingerprint.

    ``source`` is where images of the user's own are, so that they keep their name.
    """
    write_atomically(_dataset_file(dataset.id), dataset.model_dump_json(indent=1).encode())
    if source is not None:
        write_atomically(_source_file(dataset.id), str(source.resolve()))


def source_of_folder(name: str) -> str:
    """Where the images of a data set of one's own were; empty where nobody noted it."""
    try:
        return _source_file(name).read_text(encoding="utf-8")
    except OSError:
        return ""


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
    named = dataset.id.removeprefix(f"{FOLDER}-")
    source = f"folder:PATH{f' --as {named}' if named != dataset.id else ''}"
    if not folder:
        source = f"{dataset.id} --data-dir DIR [--download]"
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


def pinned(dataset: Dataset) -> Dataset:
    """The data set as this machine knows it; as it is where nobody has decoded it."""
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


def _source_file(name: str) -> Path:
    return cache_dir() / "datasets" / f"{name}.source"


def _judge_file(extractor: str, fingerprint: str) -> Path:
    return cache_dir() / "extractors" / f"{extractor}-{fingerprint[:16]}.json"
