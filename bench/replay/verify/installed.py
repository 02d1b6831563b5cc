"""What a stored protocol needs, found in this installation or missed by name."""

from __future__ import annotations

from importlib.metadata import version

from bench.data import ImageData, load_dataset
from bench.identity.protocol import ScoringProtocol
from bench.identity.spec import DatasetSpec
from bench.run.job import Installation, Surroundings
from bench.run.scoring_bench import ScoringBench
from catalog.errors import InvalidInput, MissingPrerequisite
from catalog.schema import Dataset, Extractor


def scoring_bench(
    installation: Installation, protocol: ScoringProtocol
) -> tuple[ScoringBench, ImageData]:
    """The means to make a score under a stored protocol again, and its data.

    Raises:
        MissingPrerequisite: library, data set or extractor are not those of the protocol.
    """
    data = images_of(installation, protocol.dataset, protocol.dataset_fingerprint)
    around = Surroundings(
        dataset=_dataset(installation, protocol.dataset),
        protocol=protocol,
        extractor=_extractor(installation, protocol),
        device=installation.device,
        n_threads=installation.n_threads,
        registry_sha256=installation.registry_sha256,
        extractor_weights=installation.extractor_weights,
    )
    installed = version("torch-fidelity")
    if installed != protocol.torch_fidelity:
        raise MissingPrerequisite(
            f"the score was made with torch-fidelity {protocol.torch_fidelity},"
            f" and {installed} is installed",
            hint=f"install torch-fidelity {protocol.torch_fidelity}",
        )
    try:
        return ScoringBench(around, data), data
    except InvalidInput as error:
        raise MissingPrerequisite(
            f"the extractor is not that of the protocol: {error.what}", hint=error.hint
        ) from error


def training_data(installation: Installation, spec: DatasetSpec) -> ImageData:
    """The images that a spec trains on.

    Raises:
        MissingPrerequisite: they are not there.
    """
    return images_of(installation, spec.id, spec.fingerprint)


def images_of(installation: Installation, name: str, fingerprint: str) -> ImageData:
    """The data set of some name whose pixels have a fingerprint.

    Raises:
        MissingPrerequisite: there is none, or it holds other pixels.
    """
    dataset = _dataset(installation, name)
    if dataset.fingerprint != fingerprint:
        raise MissingPrerequisite(
            f"the record needs data set '{name}' with fingerprint {fingerprint[:16]}…,"
            f" the registry has it with {dataset.fingerprint[:16]}…",
            hint="use the registry that the record was made with: --registry",
        )
    try:
        return load_dataset(dataset)
    except InvalidInput as error:
        raise MissingPrerequisite(error.what, where=error.where, hint=error.hint) from error


def _dataset(installation: Installation, name: str) -> Dataset:
    for dataset in installation.datasets:
        if dataset.id == name:
            return dataset
    raise MissingPrerequisite(f"the registry has no data set '{name}'")


def _extractor(installation: Installation, protocol: ScoringProtocol) -> Extractor:
    wanted = (protocol.extractor, protocol.extractor_sha256)
    for extractor in installation.extractors:
        if (extractor.id, extractor.sha256) == wanted:
            return extractor
    raise MissingPrerequisite(
        f"the score needs extractor '{wanted[0]}' with sha256 {str(wanted[1])[:16]}…,"
        " which the registry does not have",
        hint="use the registry that the record was made with: --registry",
    )
