"""A unit of work that a process can be handed: everything it needs, and nothing to look up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.identity.protocol import ScoringProtocol
from bench.identity.spec import TrainSpec
from catalog.schema import Dataset, Extractor


@dataclass(frozen=True)
class Surroundings:
    """What all jobs of a run share.

    Attributes:
        device: torch device string.
        n_threads: CPU threads of one job.
        registry_sha256: of the registry file that the jobs come from.
        extractor_weights: a weight file to use instead of looking for one, or None.
        tuned: whether trainings are replayed as CUDA graphs where they can be.
    """

    dataset: Dataset
    protocol: ScoringProtocol
    extractor: Extractor
    device: str
    n_threads: int
    registry_sha256: str
    extractor_weights: Path | None = None
    tuned: bool = False


@dataclass(frozen=True)
class TrainJob:
    """Train one model if that is still to be done, then score what has no score yet.

    Attributes:
        not_comparable_because: reasons that keep its records out of leaderboards.
    """

    spec: TrainSpec
    directory: Path
    around: Surroundings
    not_comparable_because: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What progress displays call it."""
        return self.spec.label

    @property
    def tuned(self) -> bool:
        """Whether its training goes through ``bench.train.gpu``, which plain float32 does not."""
        return self.around.tuned or self.spec.precision != "fp32"


@dataclass(frozen=True)
class CalibrationJob:
    """Score the images that give a table its scale."""

    names: tuple[str, ...]
    directory: Path
    around: Surroundings

    @property
    def name(self) -> str:
        """What progress displays call it."""
        return "calibration"


Comparison = Literal["auto", "exact", "tolerant"]
"""How strictly a record is compared; ``auto`` asks whether it was made on such a machine."""


@dataclass(frozen=True)
class Installation:
    """What there is to verify records with; the protocol is the one that each record names."""

    datasets: tuple[Dataset, ...]
    extractors: tuple[Extractor, ...]
    device: str
    n_threads: int
    registry_sha256: str
    extractor_weights: Path | None = None


@dataclass(frozen=True)
class VerifyJob:
    """Make again what the records of one run, or of the calibration sets, say; and compare.

    Attributes:
        name: of the run's directory, or ``calibration``.
        source: where the records are; nothing in there is written, not even a lock.
        directory: a scratch folder of the job's own, which its maker removes.
        runs_dir: where the weights of a published run may lie, below the run's id.
        retrain: whether to train again from the spec instead of reading weights.
    """

    name: str
    source: Path
    directory: Path
    around: Installation
    runs_dir: Path | None = None
    retrain: bool = False
    comparison: Comparison = "auto"


Job = TrainJob | CalibrationJob | VerifyJob
