"""How records are verified and what with: data set and extractor, found here or missed by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bench.identity.protocol import ScoringProtocol, resolve
from catalog.errors import InvalidInput, MissingPrerequisite
from catalog.schema import Dataset, Extractor, Registry

if TYPE_CHECKING:
    from bench.data import ImageData
    from bench.score.scoring_bench import ScoringBench

Strictness = Literal["auto", "exact", "tolerant"]
"""How strictly a record is compared; ``auto`` asks whether it was made on such a machine."""
OTHER_REGISTRY = "use the registry that the record was made with: --registry"


def planned_calibration(registry: Registry) -> dict[str, set[str]]:
    """Names of the calibration sets that every suite of a protocol asks for, by its key.

    Suites whose data set or judge this machine has not made yet have no key, and no records here.
    """
    found: dict[str, set[str]] = {}
    for suite in registry.suites:
        with suppress(MissingPrerequisite):
            key = resolve(registry, suite.protocol).key
            found[key] = found.get(key, set(suite.calibration)).intersection(suite.calibration)
    return found


@dataclass(frozen=True)
class Verification:
    """What the registry and this machine offer; the protocol is the one that each record names.

    What is slow to import is imported by the process that uses it.

    Attributes:
        runs_dir: where the weights of a published run may lie, below the run's id.
        retrain: whether to train again from the spec instead of reading weights.
        calibration: names of the calibration sets that suites ask for, by key of their protocol.
        registry: where the variants of loaded state dicts stand.
    """

    datasets: tuple[Dataset, ...]
    extractors: tuple[Extractor, ...]
    device: str
    n_threads: int
    registry_sha256: str
    extractor_weights: Path | None = None
    runs_dir: Path | None = None
    retrain: bool = False
    strictness: Strictness = "auto"
    calibration: Mapping[str, Collection[str]] = field(default_factory=dict)
    registry: Registry | None = None

    def scoring_bench(self, protocol: ScoringProtocol, data: ImageData) -> ScoringBench:
        """The means to make a score under a stored protocol again.

        Raises:
            MissingPrerequisite: library, data set or extractor are not those of the protocol.
        """
        import torch

        from bench.score.scoring_bench import ScoringBench

        entry = self._extractor(protocol)
        installed = version("torch-fidelity")
        if installed != protocol.torch_fidelity:
            raise MissingPrerequisite(
                f"the score was made with torch-fidelity {protocol.torch_fidelity},"
                f" and {installed} is installed",
                hint=f"install torch-fidelity {protocol.torch_fidelity}",
            )
        try:
            return ScoringBench(
                data,
                protocol,
                entry,
                torch.device(self.device),
                registry_sha256=self.registry_sha256,
                extractor_weights=self.extractor_weights,
            )
        except InvalidInput as error:
            raise MissingPrerequisite(
                f"the extractor is not that of the protocol: {error.what}", hint=error.hint
            ) from error

    def images(self, name: str, fingerprint: str) -> ImageData:
        """The data set of some name whose pixels have a fingerprint.

        Raises:
            MissingPrerequisite: there is none, or it holds other pixels.
        """
        from bench.data import load_dataset

        dataset = next((one for one in self.datasets if one.id == name), None)
        if dataset is None:
            raise MissingPrerequisite(f"the registry has no data set '{name}'")
        if dataset.fingerprint != fingerprint:
            raise MissingPrerequisite(
                f"the record needs data set '{name}' with fingerprint {fingerprint[:16]}…,"
                f" the registry has it with {dataset.fingerprint[:16]}…",
                hint=OTHER_REGISTRY,
            )
        try:
            return load_dataset(dataset)
        except InvalidInput as error:
            raise MissingPrerequisite(error.what, where=error.where, hint=error.hint) from error

    def _extractor(self, protocol: ScoringProtocol) -> Extractor:
        wanted = (protocol.extractor, protocol.extractor_sha256)
        for extractor in self.extractors:
            if (extractor.id, extractor.sha256) == wanted:
                return extractor
        raise MissingPrerequisite(
            f"the score needs extractor '{wanted[0]}' with sha256 {str(wanted[1])[:16]}…,"
            " which the registry does not have",
            hint=OTHER_REGISTRY,
        )
