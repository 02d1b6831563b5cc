"""Which earlier run a fine-tuning goes on from, and where its weights lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.identity.names import OWN_SETTINGS
from bench.identity.spec import Start, TrainSpec, recipe_layers
from bench.records.load_record import LoadRecord
from bench.records.run_directory import RunDirectory
from bench.run.own_settings import laid_over, special
from catalog.errors import InvalidInput, MissingPrerequisite
from catalog.schema import Recipe, Registry, Variant

if TYPE_CHECKING:
    from torch import Tensor

HOW = "name a run directory, as aigc bench status lists them"


@dataclass(frozen=True)
class StartingPoint:
    """A run directory that a command names as the start of its trainings.

    Attributes:
        start: what they go on from.
        dataset: id of the images of that run.
        algorithm: whose settings ``recipe`` holds.
        recipe: every setting of that run.
    """

    start: Start
    dataset: str
    algorithm: str
    recipe: Mapping[str, Any]
    directory: Path

    @classmethod
    def at(cls, directory: Path) -> StartingPoint:
        """The run in a directory: one that was trained here, or a state dict that was loaded.

        Raises:
            InvalidInput: there is no finished training, and no loaded network of a variant.
        """
        run = RunDirectory(directory)
        if (loaded := run.load_record()) is not None:
            return cls._of_loaded(loaded, directory)
        record = run.train_record()
        if record is None or not record.is_trained:
            raise InvalidInput(
                "there is no finished run to start from", where=str(directory), hint=HOW
            )
        spec = record.spec
        start = Start(run_id=spec.run_id, train_hash=spec.train_hash)
        return cls(start, spec.dataset.id, spec.algorithm, spec.recipe, directory)

    @classmethod
    def _of_loaded(cls, record: LoadRecord, directory: Path) -> StartingPoint:
        from bench.identity.local_registry import pinned_registry

        details = record.spec.details
        variant, settings = str(details.get("variant", "")), details.get("settings")
        if record.spec.kind != "state-dict" or not isinstance(settings, dict):
            raise InvalidInput(
                f"{record.run_id} is no network that can be trained on: it only draws images",
                where=str(directory),
                hint="load a state dict of a registered variant",
            )
        is_class = ":" in variant
        algorithm = variant if is_class else pinned_registry().variant(variant).algorithm
        start = Start(run_id=record.run_id, train_hash=record.load_hash)
        return cls(start, record.spec.dataset.id, algorithm, settings, directory)

    def variant(self, registry: Registry, variant: Variant, dataset: str) -> Variant:
        """``variant`` that starts here, under a name that says so: ``dcgan.from-digits-8f3a…``.

        One of the same algorithm stays what it is by the settings that hold on all data sets; all
        others are those of the earlier run, so that its weights fit.
        """
        origin = f"from-{self.dataset}-{self.start.train_hash[:8]}"
        name = OWN_SETTINGS.join((variant.id, origin))
        settings: Recipe = {}
        if variant.algorithm == self.algorithm:
            settings = dict(self.recipe)
            for layer in recipe_layers(registry, variant, dataset):
                if layer.dataset is None:
                    settings = laid_over(settings, layer.settings)
        return special(variant, name, dataset, settings)


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
    loaded = None if run is None else run.load_record()
    record = None if run is None else run.train_record()
    if run is None or not (loaded or (record and run.weights.exists())):
        raise MissingPrerequisite(
            f"the weights of run {start.run_id}, which the training goes on from, are not here",
            where=None if directory is None else str(directory),
            hint="train that run first, in the same --output-dir",
        )
    found = loaded.load_hash if loaded else record and record.train_hash
    if found != start.train_hash:
        raise InvalidInput(
            f"the training goes on from run {start.run_id}, and another run lies there",
            where=str(run.path),
        )
    return run


def weights_of(start: Start, directory: Path | None) -> tuple[dict[str, Tensor], str]:
    """The weights that a training goes on from, by name, and the sha256 of their file.

    Of a loaded row these are the networks that drawing needs; it has no others.

    Raises:
        As ``require_start``; InvalidInput also where the file is not the one on record.
    """
    run = require_start(start, directory)
    loaded, record = run.load_record(), run.train_record()
    if loaded is not None:
        from bench.run.opened import open_run

        keys = loaded.spec.details.get("keys")
        state: dict[str, Tensor] = open_run(run.path).model.model.state_dict()
        return {k: state[k] for k in state if isinstance(keys, dict) and k in keys}, (
            loaded.spec.sha256
        )
    if record is None:
        raise InvalidInput("the record of the run is gone", where=str(run.path))
    from bench.records.weight_files import RecordedWeights

    recorded = RecordedWeights(run, record)
    return recorded.tensors(run.weights), recorded.known[run.weights.name].sha256
