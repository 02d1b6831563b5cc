"""What a spec trains, put together in the one way in which it is trained first and ever again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from bench.data import ImageData
from bench.identity.spec import Start, TrainSpec
from bench.models.base import GenerativeModel
from bench.models.build import build_from_spec
from bench.records.checkpoint_file import Identity
from bench.records.record import TakenOver
from bench.run.events import TrainProgress, Watch
from bench.run.starting_point import weights_of
from bench.sample.trained_model import TrainedModel, finish
from bench.train.fine_tuning import take_over
from bench.train.gpu.choice import loop_of, placed, trainer_of
from bench.train.loop import NOBODY, Progress, Training


class Trainee:
    """A freshly built model with its images and its trainer.

    Args:
        spec: says what is trained, on what and how.
        data: the data set of the spec.
        device: where to train.
        graphs: whether updates may be replayed as CUDA graphs.
        checkpoint_file: where the training saves itself and goes on from; None for neither.
        start: where the run lies whose weights the spec goes on from, if it does.

    Attributes:
        taken_over: what the model has of those weights.
        split: the images, on the device if they fit there.
        loop: which loop the training goes through.
    """

    def __init__(
        self,
        spec: TrainSpec,
        data: ImageData,
        device: torch.device,
        *,
        graphs: bool = False,
        checkpoint_file: Path | None = None,
        start: Path | None = None,
    ) -> None:
        self.spec = spec
        self.model = build_from_spec(spec)
        self.taken_over = None if spec.start is None else begin(self.model, spec.start, start)
        self.model.to(device)
        self.split = placed(data[spec.dataset.split], device)
        place = next(self.model.parameters()).device
        self.loop = loop_of(spec, self.split, place, graphs=graphs)
        self.trainer = trainer_of(
            spec,
            self.model,
            self.split,
            graphs=graphs,
            checkpoint_file=checkpoint_file,
            identity=Identity.of(spec, self.loop) if checkpoint_file else NOBODY,
        )

    def train(
        self,
        observe: Callable[[Progress], None],
        should_stop: Callable[[], bool] = lambda: False,
    ) -> tuple[Training, TrainedModel]:
        """Train to the end of the budget, and fit what is fitted after training.

        Args:
            observe: called about a hundred times, whenever losses are read.
            should_stop: asked before every update.

        Raises:
            Diverged: a loss became infinite or NaN.
            Stopped: ``should_stop`` said so.
        """
        training = self.trainer.run(observe, should_stop)
        return training, finish(self.spec, self.model, self.trainer.average, self.split)


def begin(model: GenerativeModel, start: Start, directory: Path | None) -> TakenOver:
    """Lay the weights of an earlier run over those that were drawn.

    Raises:
        MissingPrerequisite: that run is not there, or has no weights any more.
        InvalidInput: another run lies there, or nothing of it fits.
    """
    weights, sha256 = weights_of(start, directory)
    n_taken, n_fresh = take_over(model, weights)
    return TakenOver(weights_sha256=sha256, n_taken=n_taken, n_fresh=n_fresh)


def tell(job: str, watch: Watch, progress: Progress) -> None:
    """Pass a trainer's report on to the watcher of a job."""
    step, n_steps = progress.step, progress.n_steps
    watch(TrainProgress(job, step, n_steps, progress.losses, progress.images_per_s))
