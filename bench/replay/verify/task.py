"""What a verifying job does: read records, make again what they say, tell the differences.

Each record is answered by one event, ``Verified`` or ``NotVerified``. The run that is verified is
only read. The features of the real images may come from the cache, which is keyed by their content.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from bench.data import ImageData
from bench.identity.protocol import ScoringProtocol
from bench.identity.strict_json import MAX_BYTES
from bench.models.base import MeasuresItself
from bench.models.build import build_from_spec
from bench.records.curve import curve_csv
from bench.records.environment import environment
from bench.records.record import (
    CalibrationSubject,
    Environment,
    Measures,
    RunSubject,
    ScoreRecord,
    TrainRecord,
)
from bench.records.run_directory import CALIBRATION, RunDirectory, read_score, record_files
from bench.replay.verify.artifacts import Found, RunFolder, collect
from bench.replay.verify.compare import (
    EXPECTED,
    NOT_ON_RECORD,
    draw_checks,
    identity_checks,
    lacking_checks,
    measure_checks,
    result_checks,
    same_machine,
)
from bench.replay.verify.comparison import Comparison, Measured, NotVerified, Verified
from bench.replay.verify.grids import grid_check
from bench.replay.verify.training import (
    curve_check,
    machine_of,
    measured,
    taken_over_checks,
    training_checks,
)
from bench.replay.verify.verification import Verification
from bench.run.events import PhaseStarted, Watch
from bench.run.job import Task
from bench.run.starting_point import find_start
from bench.run.trainee import Trainee, tell
from bench.sample import trained_model as trained
from bench.sample.image_sets import grid_name
from bench.sample.trained_model import TrainedModel, draw_subject
from bench.score.calibration import calibration_images, calibration_labels
from bench.score.scoring_bench import ScoringBench
from bench.train.loop import Stopped
from catalog.errors import AigcError, ExitCode, InvalidInput, MissingPrerequisite
from catalog.files import unlinked_bytes

TRAIN_RECORD = "train.json"
MEASURES = "train.json: measures"
NOT_COMPARABLE = "not comparable here: trained again on another machine, the weights are others"


@dataclass
class VerifyTask(Task):
    """The records of one directory.

    Attributes:
        name: of the run's directory, or ``calibration``.
        source: where the records are.
        scratch: where copies of weights may lie for a time.
        how: to verify, and what with.
        watch: who wants to know.
        should_stop: asked before every record, and before every update of a training.
    """

    name: str
    source: Path
    scratch: Path
    how: Verification
    watch: Watch
    should_stop: Callable[[], bool]
    _benches: dict[str, tuple[ScoringBench, ImageData]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Say where the copies lie and where is computed."""
        self.files = self.scratch / "run"
        self.device = torch.device(self.how.device)

    def run(self) -> str:
        """Verify every record; copies of weights are removed at the end. Nothing to remark."""
        try:
            if self.name == CALIBRATION:
                self._calibration()
            else:
                self._run()
        finally:
            shutil.rmtree(self.files, ignore_errors=True)
        return ""

    def _calibration(self) -> None:
        """Every draw that is there, and what is missing or too much."""
        files = record_files(self.source)
        for file in files:
            self._score(file, None, None, "")
        wrong = tuple(draw_checks(readable(files), self.how.calibration))
        if wrong:
            self.watch(Verified(self.name, CALIBRATION, True, wrong))

    def _run(self) -> None:
        try:
            train = RunDirectory(self.source).train_record()
            if train is None:
                raise MissingPrerequisite(f"{TRAIN_RECORD} is not there")
            model, reason = self._train(train)
        except AigcError as error:
            self._not_verified(TRAIN_RECORD, error)
            return
        if model is not None and train.measures is not None:
            self._measures(train, train.measures, model)
        for file in RunDirectory(self.source).score_files():
            self._score(file, train, model, reason)

    def _train(self, train: TrainRecord) -> tuple[TrainedModel | None, str]:
        """The model of a run, or None and the reason why there is none to be believed."""
        places = [RunFolder(self.source, binding=True)]
        if self.how.runs_dir is not None:
            places.append(RunFolder(self.how.runs_dir / train.run_id, binding=False))
        exact = self._is_exact(train.environment)
        identity = Comparison("identity", "run_id", train.run_id, train.spec.run_id)
        if not train.is_trained:  # there is nothing to compare but what it is
            told = [identity]
            if train.status == "success":
                told.append(Comparison("identity", "weights", NOT_ON_RECORD, EXPECTED))
            self.watch(Verified(self.name, TRAIN_RECORD, exact, tuple(told)))
            return None, f"the run is '{train.status}' and has no weights on record"
        found = collect(train, places, self.files)
        if self.how.retrain:
            found = self._found_again(train, found, exact=exact)
        model = build_from_spec(train.spec)
        scores = readable(RunDirectory(self.source).score_files())
        checks = training_checks(train, model, RunDirectory(self.source), scores)
        told = [identity, *found.checks, *checks]
        if train.measures is None and isinstance(model, MeasuresItself):
            told.append(Comparison("identity", "measures", NOT_ON_RECORD, EXPECTED))
        self.watch(Verified(self.name, TRAIN_RECORD, exact, tuple(told), tuple(measured(train))))
        for sentence in found.missing:
            self._not_verified(TRAIN_RECORD, MissingPrerequisite(sentence))
        if found.no_model:
            self._not_verified(TRAIN_RECORD, MissingPrerequisite(found.no_model))
            return None, found.no_model
        record = unlinked_bytes(self.source / TRAIN_RECORD, MAX_BYTES)
        (self.files / TRAIN_RECORD).write_bytes(record)
        return trained.load(RunDirectory(self.files), self.device), ""

    def _measures(self, train: TrainRecord, recorded: Measures, model: TrainedModel) -> None:
        """What the model measures of itself, again."""
        exact = self._is_exact(train.environment)
        try:
            data = self._training_data(train)
            again = model.measures(data, recorded.split)
        except AigcError as error:
            self._not_verified(MEASURES, error)
        else:
            checks = tuple(measure_checks(recorded, again, exact=exact))
            self.watch(Verified(self.name, MEASURES, exact, checks))

    def _found_again(self, train: TrainRecord, stored: Found, *, exact: bool) -> Found:
        """The files of a run that was trained again; those that are stored are only checked."""
        data = self._training_data(train)
        again = self.scratch / "trained-again"
        self.watch(PhaseStarted(self.name, "train"))
        start = find_start(train.spec, self.source.parent, self.how.runs_dir)
        trainee = Trainee(train.spec, data, self.device, start=start)
        training, model = trainee.train(partial(tell, self.name, self.watch), self.should_stop)
        again.mkdir(parents=True)
        trained.save(model, RunDirectory(again))
        shutil.rmtree(self.files)
        weights = tuple(a for a in train.artifacts if a.kind == "weights")
        found = collect(
            train.model_copy(update={"artifacts": weights}),
            [RunFolder(again, binding=exact)],
            self.files,
        )
        shutil.rmtree(again)
        checks = (
            Comparison(check.kind, f"{check.what}, trained again", check.recorded, check.recomputed)
            for check in found.checks
        )
        # Another machine rounds otherwise, and training carries that on: another sample of the same
        # distribution, whose scores may differ as far as those of another seed.
        foreign = found.no_model and not exact
        curve = curve_check(RunDirectory(self.source).curve, curve_csv(training.curve))
        began = taken_over_checks(train, trainee.taken_over)
        return Found(
            checks=(*stored.checks, *checks, *([] if foreign else [curve, *began])),
            missing=stored.missing,
            no_model=NOT_COMPARABLE if foreign else found.no_model,
        )

    def _training_data(self, train: TrainRecord) -> ImageData:
        return self.how.images(train.spec.dataset.id, train.spec.dataset.fingerprint)

    def _score(
        self, file: Path, train: TrainRecord | None, model: TrainedModel | None, reason: str
    ) -> None:
        if self.should_stop():
            raise Stopped
        self.watch(PhaseStarted(self.name, "score"))
        name = file.name if train is None else f"{file.parent.name}/{file.name}"
        try:
            recorded = read_score(file)
            checks = tuple(identity_checks(file.name, recorded, train))
            lacks = tuple(lacking_checks(recorded))
            exact = self._is_exact(recorded.environment)
            if all(check.passed for check in checks):
                if train is not None and model is None:
                    if lacks:
                        self.watch(Verified(self.name, name, exact, lacks))
                    raise MissingPrerequisite(reason)
                again, images = self._again(recorded, model)
                checks += (*lacks, *result_checks(recorded, again, exact=exact))
                grid = self._grid(recorded, file, model)
                if grid is not None:
                    same = exact or recorded.images_sha256 == again.images_sha256
                    checks += (grid_check(grid, images, self.scratch, exact=same),)
        except AigcError as error:
            self._not_verified(name, error)
        else:
            self._verified(name, checks, exact=exact, recorded=recorded)

    def _verified(
        self,
        name: str,
        checks: tuple[Comparison, ...],
        *,
        exact: bool,
        recorded: ScoreRecord | None = None,
    ) -> None:
        """Answer a record; of a score, its times are told as they stand there."""
        times: tuple[Measured, ...] = ()
        if recorded is not None:
            machine = machine_of(recorded.environment)
            times = tuple(
                Measured(what, getattr(recorded, what), machine)
                for what in ("sample_wall_s", "score_wall_s")
            )
        self.watch(Verified(self.name, name, exact, checks, times))

    def _grid(self, recorded: ScoreRecord, file: Path, model: TrainedModel | None) -> Path | None:
        """The picture that shows the first images of a score, if it is there."""
        subject = recorded.subject
        if not isinstance(subject, RunSubject):
            grid = file.with_suffix(".png")
        else:
            averaged = model is not None and model.average is not None
            grid = self.source / grid_name(subject, has_average=averaged)
        return grid if grid.is_symlink() or grid.exists() else None

    def _again(
        self, recorded: ScoreRecord, model: TrainedModel | None
    ) -> tuple[ScoreRecord, Tensor]:
        """The record that the same images have when they are made here and now, and these."""
        protocol, subject = recorded.protocol, recorded.subject
        bench, data = self._bench(protocol)
        labels: Tensor | None
        if isinstance(subject, CalibrationSubject):
            images = calibration_images(subject.name, data, protocol, subject.draw)
            labels = calibration_labels(subject.name, data, protocol)
        elif not isinstance(subject, RunSubject):
            raise InvalidInput("the score is of a loaded row, which this is not")
        else:
            images, labels = _drawn(subject, model, data, protocol)
        trained_on = None if model is None else model.spec.dataset.split
        again = bench.record(subject, images, 0.0, labels=labels, trained_on=trained_on)
        return again, images

    def _bench(self, protocol: ScoringProtocol) -> tuple[ScoringBench, ImageData]:
        if protocol.key not in self._benches:
            data = self.how.images(protocol.dataset, protocol.dataset_fingerprint)
            self._benches[protocol.key] = self.how.scoring_bench(protocol, data), data
        return self._benches[protocol.key]

    def _is_exact(self, recorded: Environment) -> bool:
        if self.how.strictness != "auto":
            return self.how.strictness == "exact"
        return same_machine(recorded, environment(self.device), set(os.environ))

    def _not_verified(self, record: str, error: AigcError) -> None:
        reason = f"{error.what} ({error.where})" if error.where else error.what
        # What a record asks for and nothing has, such as a sampler, is the record's fault.
        missing = isinstance(error, MissingPrerequisite)
        code = ExitCode.MISSING_PREREQUISITE if missing else ExitCode.INVALID_INPUT
        hint = f"; {error.hint}" if error.hint else ""
        self.watch(NotVerified(self.name, record, reason + hint, int(code)))


def readable(files: Iterable[Path]) -> list[ScoreRecord]:
    """The scores in some files; a broken one is answered when its turn comes."""
    found = []
    for file in files:
        with suppress(AigcError):
            found.append(read_score(file))
    return found


def _drawn(
    subject: RunSubject, model: TrainedModel | None, data: ImageData, protocol: ScoringProtocol
) -> tuple[Tensor, Tensor | None]:
    if model is None or subject.weights != "final":
        raise MissingPrerequisite(f"no {subject.weights} weights")
    if subject.ema and model.average is None:
        raise InvalidInput("the score is of averaged weights, and the run has none on record")
    images = draw_subject(subject, model, data, protocol)
    return images, model.labels(subject.sampler, len(images))
