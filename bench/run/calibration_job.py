"""What a calibration job does: score the images that give a table its scale."""

from __future__ import annotations

import time
from dataclasses import replace

from bench.data import ImageData, ImageSplit, load_dataset
from bench.records.record import CalibrationSubject, to_json
from bench.records.run_directory import calibration_file
from bench.run.events import PhaseStarted, Scored, Watch
from bench.run.job import CalibrationJob
from bench.run.scoring_bench import ScoringBench
from bench.sample.grid import write_grid
from bench.sample.image_sets import calibration_draws
from bench.score.calibration import calibration_images, calibration_labels
from catalog.files import write_atomically

N_FITTED = 10_000
"""Simple densities are fitted to so many first reference images at most, and copies are of these:
principal components of more take hours where images are large, and change little."""


class CalibrationTask:
    """The calibration rows of one protocol."""

    def __init__(self, job: CalibrationJob, watch: Watch) -> None:
        self.job = job
        self.watch = watch

    def run(self) -> str:
        """Make and score every set that the job names; there is nothing to remark."""
        self.watch(PhaseStarted(self.job.name, "score"))
        around = self.job.around
        data = load_dataset(around.dataset)
        bench = ScoringBench(around, data)
        fitted = first_images(data, around.protocol.reference_split, N_FITTED)
        for name in self.job.names:
            for draw in calibration_draws(name):
                self._score(bench, fitted, name, draw)
        return ""

    def _score(self, bench: ScoringBench, data: ImageData, name: str, draw: int) -> None:
        protocol = self.job.around.protocol
        file = calibration_file(self.job.directory, name, protocol.key, draw)
        if file.exists():
            return
        start = time.perf_counter()
        images = calibration_images(name, data, protocol, draw)
        wall_s = time.perf_counter() - start
        subject = CalibrationSubject(name=name, draw=draw)
        labels = calibration_labels(name, data, protocol)
        record = bench.record(subject, images, wall_s, labels=labels)
        if draw == 0:
            write_grid(images, file.with_suffix(".png"))
        write_atomically(file, to_json(record))
        self.watch(Scored.of(self.job.name, record))

    def stopped(self) -> None:
        """Nothing is half written."""

    def failed(self, error: Exception) -> None:
        """A calibration has no record of its own; the suite reports the failure."""


def first_images(data: ImageData, split: str, n_images: int) -> ImageData:
    """The same data with at most the first ``n_images`` of one split."""
    few = ImageSplit(data[split].images[:n_images], data[split].labels[:n_images])
    return replace(data, splits={**data.splits, split: few})
