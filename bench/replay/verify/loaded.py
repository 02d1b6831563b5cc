"""Verifying a loaded row: its file is opened again as its record says, and its scores made again.

The record does not say where the file lies; a note beside it does, on the machine that loaded it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.outside.row import OutsideRow, open_again
from bench.outside.source import Source
from bench.outside.stored import source_of
from bench.records.files import LOAD
from bench.records.load_record import LoadRecord
from bench.records.record import ScoreRecord
from bench.records.run_directory import RunDirectory, read_score
from bench.replay.verify.compare import lacking_checks, result_checks
from bench.replay.verify.comparison import Comparison
from bench.replay.verify.grids import grid_check
from bench.replay.verify.task import VerifyTask, readable
from bench.run.events import PhaseStarted
from bench.run.load_job import known_labels, subject_of
from bench.sample.image_sets import LOADED_GRID, score_hash
from bench.train.loop import Stopped
from catalog.errors import AigcError, MissingPrerequisite


class LoadedTask(VerifyTask):
    """The records of one loaded row."""

    def _run(self) -> None:
        directory = RunDirectory(self.source)
        try:
            record = directory.load_record()
            if record is None:
                raise MissingPrerequisite(f"{LOAD} is not there")
            folders = [self.source]
            if self.how.runs_dir is not None:
                folders.append(self.how.runs_dir / record.run_id)
            source = source_of(record, folders)
            found = Comparison("file", "source", record.spec.sha256, source.sha256)
            self._verified(LOAD, (found,), exact=True)
            if not found.passed:
                return
            row = self._opened(record, source, readable(directory.score_files()))
        except AigcError as error:
            self._not_verified(LOAD, error)
            return
        for file in directory.score_files():
            self._score_of(file, record, row)

    def _opened(self, record: LoadRecord, source: Source, scores: list[ScoreRecord]) -> OutsideRow:
        registry, loaded_on = self.how.registry, record.spec.dataset
        dataset = next((one for one in self.how.datasets if one.id == loaded_on.id), None)
        if registry is None or dataset is None:
            raise MissingPrerequisite(f"the registry has no data set '{loaded_on.id}'")
        n_images = max((score.n_images for score in scores), default=1)
        return open_again(record, source, dataset, n_images, registry, self.device)

    def _score_of(self, file: Path, record: LoadRecord, row: OutsideRow) -> None:
        if self.should_stop():
            raise Stopped
        self.watch(PhaseStarted(self.name, "score"))
        name = f"{file.parent.name}/{file.name}"
        try:
            recorded = read_score(file)
            checks = tuple(_identity(file.name, recorded, record))
            exact = self._is_exact(recorded.environment)
            if all(check.passed for check in checks):
                bench, _ = self._bench(recorded.protocol)
                images = row.images(recorded.protocol.n_fake)
                labels = known_labels(row, len(images))
                again = bench.record(recorded.subject, images, 0.0, labels=labels)
                checks += tuple(lacking_checks(recorded))
                checks += tuple(result_checks(recorded, again, exact=exact))
                grid = self.source / LOADED_GRID
                if grid.is_symlink() or grid.exists():
                    same = exact or recorded.images_sha256 == again.images_sha256
                    checks += (grid_check(grid, images, self.scratch, exact=same),)
        except AigcError as error:
            self._not_verified(name, error)
        else:
            self._verified(name, checks, exact=exact, recorded=recorded)


def _identity(file_name: str, recorded: ScoreRecord, record: LoadRecord) -> Iterator[Comparison]:
    """Whether a score is of the row beside whose record it lies."""
    again = score_hash(recorded.subject, recorded.protocol)
    yield Comparison("identity", "score_hash", recorded.score_hash, again)
    yield Comparison("identity", "file name", file_name, f"{again[:16]}.json")
    subject = recorded.subject.model_dump(mode="json")
    for what, expected in subject_of(record).model_dump(mode="json").items():
        yield Comparison("identity", f"subject {what}", subject.get(what), expected)
