"""A run directory of this program as a source: of another place, or of a friend."""

from __future__ import annotations

from functools import partial

from bench.outside.generator import Opened, Opening
from bench.outside.module_generator import ModelGenerator, n_sampled_from, told_by
from bench.records.run_directory import RunDirectory
from bench.sample import trained_model as trained


def open_run_source(opening: Opening) -> Opened:
    """The trained model of a run, with its averaged weights where there are any.

    Raises:
        InvalidInput: it is no run, or a file of it is not the one on record.
        MissingPrerequisite: it has no final weights.
    """
    run = trained.load(RunDirectory(opening.source.path), opening.device)
    model = run.model
    said = [f"{run.spec.variant}, trained on {run.spec.dataset.id} with seed {run.spec.seed}"]
    if run.average is not None:
        said.append("its averaged weights are used")
        with run.average.applied():
            averaged = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        model.load_state_dict(averaged)
    return Opened(
        told=told_by(model),
        generator=partial(ModelGenerator, model),
        said=tuple(said),
        n_parameters=n_sampled_from(model),
        seed=run.spec.seed,
    )
