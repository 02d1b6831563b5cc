"""What a train job does: data, model, training, sampling, scoring, each phase on record.

Work that an earlier sitting finished is not done again: final weights are loaded, image sets that
have a score under the present protocol are left alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bench.data import ImageData, load_dataset
from bench.identity.spec import TrainSpec
from bench.machine.memory import peak_memory_bytes
from bench.models.base import GenerativeModel
from bench.records.curve import curve_csv
from bench.records.record import Cost, Health, Measures, Parameters, PhaseName, RunSubject
from bench.records.run_directory import RunDirectory, artifact
from bench.run.events import PhaseStarted, Scored, Watch
from bench.run.job import Surroundings, Task
from bench.run.journal import Journal
from bench.run.plan import unscored
from bench.run.trainee import Trainee, tell
from bench.sample import trained_model as trained
from bench.sample.grid import write_grid
from bench.sample.image_sets import RECONSTRUCTION, grid_name
from bench.sample.previews import Previews
from bench.sample.trained_model import TrainedModel, draw_subject
from bench.score.suspicions import suspicions
from bench.train import checkpoint
from bench.train.divergence import Diverged
from bench.train.loop import Progress, Stopped, Training
from catalog.files import write_atomically


@dataclass
class TrainTask(Task):
    """One model, from its data to its scores.

    Attributes:
        spec: what is trained.
        directory: of the run.
        around: everything else that the run needs.
        not_comparable_because: reasons that keep its records out of leaderboards.
        watch: who wants to know.
        should_stop: asked before every update, and before each image set is drawn or scored.
        start: where the run lies whose weights it goes on from.
    """

    spec: TrainSpec
    directory: RunDirectory
    around: Surroundings
    not_comparable_because: tuple[str, ...]
    watch: Watch
    should_stop: Callable[[], bool]
    start: Path | None = None
    journal: Journal | None = None

    def run(self) -> str:
        """Do everything that is still to be done; returns what is odd about the result, if any."""
        journal = self.journal = Journal(
            self.directory, self.spec, self.around, self.not_comparable_because
        )
        self.directory.keep_room()
        with self._phase(journal, "data"):
            data = load_dataset(self.around.dataset)
        if journal.record.is_trained:
            model = trained.load(self.directory, torch.device(self.around.device))
        else:
            model = self._train(journal, data)
        subjects = unscored(self.spec, self.directory, self.around.protocol)
        with self._phase(journal, "sample"):
            sets = {subject: self._images(subject, model, data) for subject in subjects}
        with self._phase(journal, "score"):
            self._score(sets, model, data)
        health = self._health(journal)
        journal.update(status="success", health=health)
        return "; ".join(map(str, health.suspicions))

    def stopped(self) -> None:
        """Close the record of a job that was asked to stop."""
        if self.journal is not None:
            self.journal.stop()

    def failed(self, error: Exception) -> None:
        """Close the record of a job that failed.

        Raises:
            OSError: the record cannot be written.
        """
        if self.journal is not None:
            if isinstance(error, Diverged):
                health = Health(last_losses=error.losses, diverged_at_step=error.step)
                self.journal.update(health=health)
            self.journal.fail(error)

    @contextmanager
    def _phase(self, journal: Journal, name: PhaseName) -> Iterator[None]:
        self.watch(PhaseStarted(self.spec.label, name))
        with journal.phase(name):
            yield

    def _train(self, journal: Journal, data: ImageData) -> TrainedModel:
        with self._phase(journal, "model"):
            trainee = Trainee(
                self.spec,
                data,
                torch.device(self.around.device),
                graphs=self.around.tuned,
                checkpoint_file=self.directory.checkpoint,
                start=self.start,
            )
            parameters = parameters_of(trainee.model)
            journal.update(parameters=parameters, taken_over=trainee.taken_over)
            journal.looped(trainee.loop)
        previews = Previews(trainee.trainer, self.directory.latest_grid)

        def observe(at: Progress) -> None:
            tell(self.spec.label, self.watch, at)
            previews.observe(at)

        with self._phase(journal, "train"):
            training, finished = trainee.train(observe, self.should_stop)
        if training.resumed_from_step is not None:
            journal.resumed_from(training.resumed_from_step)
        measures = finished.measures(data, self.around.protocol.held_out_split)
        self._publish(journal, training, finished, measures)
        return finished

    def _publish(
        self,
        journal: Journal,
        training: Training,
        model: TrainedModel,
        measures: Measures | None,
    ) -> None:
        files = trained.save(model, self.directory)
        write_atomically(self.directory.curve, curve_csv(training.curve))
        artifacts = [artifact("weights", file, self.directory.path) for file in files]
        artifacts.append(artifact("curve", self.directory.curve, self.directory.path))
        journal.update(
            artifacts=tuple(artifacts),
            measures=measures,
            health=Health(last_losses=training.curve[-1][1]),
            cost=Cost(
                train_wall_s=training.wall_s,
                images_seen=training.images_seen,
                images_per_s=training.images_seen / training.wall_s,
                peak_memory_bytes=peak_memory_bytes(journal.device),
            ),
        )
        checkpoint.remove(self.directory.checkpoint)

    def _images(
        self, subject: RunSubject, model: TrainedModel, data: ImageData
    ) -> tuple[Tensor, float]:
        self._go_on()
        start = time.perf_counter()
        images = draw_subject(subject, model, data, self.around.protocol)
        wall_s = time.perf_counter() - start
        grid = grid_name(subject, has_average=model.average is not None)
        write_grid(images, self.directory.path / grid)
        return images, wall_s

    def _score(
        self,
        sets: dict[RunSubject, tuple[Tensor, float]],
        model: TrainedModel,
        data: ImageData,
    ) -> None:
        if not sets:
            return
        bench = self.around.scoring_bench(data)
        for subject, (images, sample_wall_s) in sets.items():
            self._go_on()
            record = bench.record(
                subject,
                images,
                sample_wall_s,
                labels=model.labels(subject.sampler, len(images)),
                trained_on=self.spec.dataset.split,
                comparable=not self.not_comparable_because,
            )
            self.directory.write_score(record)
            self.watch(Scored.of(self.spec.label, record))

    def _go_on(self) -> None:
        """Stop here if that is wanted: the weights are saved, and each score as it is made.

        Raises:
            Stopped: it is.
        """
        if self.should_stop():
            raise Stopped

    def _health(self, journal: Journal) -> Health:
        """The health on record, with what the scores under the job's protocol make one suspect."""
        protocol = self.around.protocol
        found = [
            suspicion
            for record in self.directory.score_records()
            if record.protocol_key == protocol.key
            for suspicion in suspicions(record)
            if suspicion.sampler != RECONSTRUCTION
        ]
        return journal.record.health.model_copy(update={"suspicions": tuple(found)})


def parameters_of(model: GenerativeModel) -> Parameters:
    """How many scalars are trained, in all and of the modules that sampling needs."""
    modules = model.sampling_modules().values()
    sampling = {id(p): p for module in modules for p in module.parameters()}
    return Parameters(
        total=sum(p.numel() for p in model.parameters()),
        sampling=sum(p.numel() for p in sampling.values()),
    )
