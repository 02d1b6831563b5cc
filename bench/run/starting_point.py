"""Which earlier training a fine-tuning goes on from, and where its weights lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.identity.names import OWN_SETTINGS
from bench.identity.spec import Start, TrainSpec
from bench.records.run_directory import RunDirectory
from bench.run.own_settings import special
from catalog.errors import InvalidInput, MissingPrerequisite
from catalog.schema import Variant

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class StartingPoint:
    """A run directory that a command names as the start of its trainings.

    Attributes:
        spec: what was trained there.
    """

    spec: TrainSpec
    directory: Path

    @property
    def start(self) -> Start:
        """What the trainings go on from."""
        return Start(run_id=self.spec.run_id, train_hash=self.spec.train_hash)

    @classmethod
    def at(cls, directory: Path) -> StartingPoint:
        """The run in a directory.

        Raises:
            InvalidInput: there is no finished training of ours.
        """
        record = RunDirectory(directory).train_record()
        if record is None or not record.is_trained:
            raise InvalidInput(
                "there is no finished run to start from",
                where=str(directory),
                hint="name a run directory, as aigc bench status lists them",
            )
        return cls(record.spec, directory)

    def variant(self, variant: Variant, dataset: str) -> Variant:
        """``variant`` that starts here, under a name that says so: ``dcgan.from-digits-8f3a…``.

        One of the same algorithm keeps the settings of the earlier run: only then does all of it
        fit.
        """
        name = OWN_SETTINGS.join(
            (variant.id, f"from-{self.spec.dataset.id}-{self.spec.train_hash[:8]}")
        )
        same = variant.algorithm == self.spec.algorithm
        return special(variant, name, dataset, dict(self.spec.recipe) if same else {})


def find_start(spec: TrainSpec, *places: Path | None) -> Path | None:
    """Where the run lies that a training went on from: below the first place that has it."""
    if spec.start is None:
        return None
    below = [place / spec.start.run_id for place in places if place is not None]
    return next((path for path in below if path.is_dir()), None)


def require_start(start: Start, directory: Path | None) -> RunDirectory:
    """The run directory that a training goes on from, once it is known to hold the right run.

    Raises:
        MissingPrerequisite: there is no such run, or it has no weights any more.
        InvalidInput: another run lies there.
    """
    run = None if directory is None else RunDirectory(directory)
    record = None if run is None else run.train_record()
    if run is None or record is None or not run.weights.exists():
        raise MissingPrerequisite(
            f"the weights of run {start.run_id}, which the training goes on from, are not here",
            where=None if directory is None else str(directory),
            hint="train that run first, in the same --output-dir",
        )
    if record.train_hash != start.train_hash:
        raise InvalidInput(
            f"the training goes on from run {start.run_id}, and another run lies there",
            where=str(run.train_json),
        )
    return run


def weights_of(start: Start, directory: Path | None) -> tuple[dict[str, Tensor], str]:
    """The final weights that a training goes on from, by name, and the sha256 of their file.

    Raises:
        As ``require_start``; InvalidInput also where the file is not the one on record.
    """
    from bench.records.weight_files import RecordedWeights

    run = require_start(start, directory)
    record = run.train_record()
    if record is None:
        raise InvalidInput("the record of the run is gone", where=str(run.path))
    recorded = RecordedWeights(run, record)
    return recorded.tensors(run.weights), recorded.known[run.weights.name].sha256
